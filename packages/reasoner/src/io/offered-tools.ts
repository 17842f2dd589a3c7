import { cleanText } from '../core/fence.ts';
import type { JsonSchema, OfferedTool } from '../types.ts';

/** What is used of the client of the MCP SDK. */
export interface McpClient {
  listTools(): Promise<{
    readonly tools: readonly {
      readonly name: string;
      readonly description?: string | undefined;
      readonly inputSchema: object;
      readonly annotations?: { readonly readOnlyHint?: boolean | undefined } | undefined;
    }[];
  }>;
  callTool(
    params: { readonly name: string; readonly arguments: Record<string, unknown> },
    schema?: undefined,
    options?: { readonly signal?: AbortSignal },
  ): Promise<object>;
}

/** More would fill the prompt. */
const MAX_TOOLS = 32;
const MAX_DESCRIPTION_CHARACTERS = 600;

/** The tools of an MCP server, by the names that it gives them, the first 32. A description is its server's word, cut to 600 characters. */
export async function mcpTools(client: McpClient): Promise<OfferedTool[]> {
  const { tools } = await client.listTools();
  return tools
    .filter(({ name }) => /^[A-Za-z0-9_-]{1,64}$/.test(name))
    .slice(0, MAX_TOOLS)
    .map(({ name, description = '', inputSchema, annotations }) => ({
      name,
      description: cleanText(description, MAX_DESCRIPTION_CHARACTERS),
      inputSchema: inputSchema as JsonSchema,
      readOnly: annotations?.readOnlyHint === true,
      call: async (args, signal) =>
        await client.callTool({ name, arguments: { ...args } }, undefined, { signal }),
    }));
}

/** Another agent, as its card and presence tell. */
export interface Peer {
  readonly agentId: string;
  readonly name: string;
  readonly description?: string;
}

/** Asks a peer in words and returns what it answers: `createRequester(…).send`, for one. */
export type AskPeer = (agentId: string, text: string, signal: AbortSignal) => Promise<unknown>;

const QUESTION: JsonSchema = {
  type: 'object',
  properties: { text: { type: 'string', minLength: 1, maxLength: 2000 } },
  required: ['text'],
  additionalProperties: false,
};

/** One tool for each peer, `ask_{agentId}`, the first 32. A question may set something going, so it counts as changing something. */
export function peerTools(peers: readonly Peer[], ask: AskPeer): OfferedTool[] {
  return peers.slice(0, MAX_TOOLS).map(({ agentId, name, description = '' }) => ({
    name: `ask_${agentId.replace(/[^A-Za-z0-9_-]/g, '_')}`.slice(0, 64),
    description: cleanText(`Asks the agent ${name}. ${description}`, MAX_DESCRIPTION_CHARACTERS),
    inputSchema: QUESTION,
    call: (args, signal) => ask(agentId, String(args['text']), signal),
  }));
}
