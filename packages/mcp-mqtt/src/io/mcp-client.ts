import {
  Client,
  ProtocolError,
  type CallToolResult,
  type ClientOptions,
  type Implementation,
  type RequestOptions,
} from '@modelcontextprotocol/client';
import { isMcpMqttError, McpMqttError } from '../core/errors.ts';
import { isObject } from '../core/messages.ts';
import type { RequestTimeouts } from '../core/timeouts.ts';
import type { MqttClientTransport } from './client-transport.ts';
import { withTimeouts } from './with-timeouts.ts';
import { withTrace } from './with-trace.ts';

/** MCP over MQTT is written against 2025-03-26, so that is offered first; any version with `initialize` is accepted. */
export const PROTOCOL_VERSIONS = ['2025-03-26', '2025-06-18', '2025-11-25', '2024-11-05'];

/** The SDK's client with the timeouts of MCP over MQTT and errors that say what happened to the connection. */
export function createMcpClient(
  info: Implementation,
  transport: MqttClientTransport,
  timeouts: RequestTimeouts,
  options: ClientOptions,
): Client {
  const client = new Client(info, { supportedProtocolVersions: PROTOCOL_VERSIONS, ...options });
  withTimeouts(client, timeouts, (error, method) => explained(error, method, transport));
  withTrace(client);
  return client;
}

/** What the caller gets for an error of the SDK. A server that does not answer `ping` is given up ("Health Checks"). */
async function explained(error: unknown, method: string, transport: MqttClientTransport): Promise<unknown> {
  if (isMcpMqttError(error, 'request-timeout')) {
    if (method === 'ping') await transport.abandon(error);
    return error;
  }
  const reason = transport.closeReason;
  // Once the connection has ended, only an answer of the server is worth more than the reason of the end.
  if (reason === undefined || ProtocolError.isInstance(error)) return error;
  return new McpMqttError(reason.code, `"${method}": ${reason.message}`, { cause: error });
}

/**
 * Calls a tool and returns its JSON: `structuredContent`, else the first text block parsed. Throws `tool-failed` with the tool's
 * own text, `invalid-result` when there is no JSON, and what the client's requests throw.
 */
export async function callJsonTool(
  client: Pick<Client, 'callTool'>,
  name: string,
  args: Record<string, unknown> = {},
  options: RequestOptions = {},
): Promise<Record<string, unknown>> {
  const result = await client.callTool({ name, arguments: args }, options);
  const text = firstText(result);
  if (result.isError === true) {
    const details = isObject(result.structuredContent) ? { details: result.structuredContent } : {};
    throw new McpMqttError('tool-failed', `${name}: ${text ?? 'no reason given'}`, details);
  }
  const value = result.structuredContent ?? parse(name, text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new McpMqttError('invalid-result', `${name}: the result must be a JSON object`);
}

function firstText(result: CallToolResult): string | undefined {
  return result.content.find((block) => block.type === 'text')?.text;
}

function parse(name: string, text: string | undefined): unknown {
  if (text === undefined) throw new McpMqttError('invalid-result', `${name}: the result has no text block`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new McpMqttError('invalid-result', `${name}: the first text block is not JSON`, { cause: error });
  }
}
