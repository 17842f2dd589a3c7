import { fromJsonSchema, type CallToolResult, type McpServer } from '@modelcontextprotocol/server';
import { DEVICE_TOOL_META, type DeviceTool, type JsonRecord } from '../core/declaration.ts';
import type { CallOutcome, DeviceToolGuard } from '../core/guard.ts';

/** The arguments are checked by the guard, whose refusals name ranges and units. */
const UNCHECKED = {
  getValidator: () => (data: unknown) => ({
    valid: true as const,
    data: data as never,
    errorMessage: undefined,
  }),
};

/** Asks what became of a request. */
export const SETTLE_TOOL = 'settle_request';

/** Offers the tools of a guard, and `settle_request`, on an MCP server of the official SDK. One guard serves many sessions. */
export function registerDeviceTools(server: McpServer, guard: DeviceToolGuard): void {
  const { tools, memory } = guard.options;
  for (const tool of tools)
    server.registerTool(
      tool.name,
      {
        title: tool.title,
        description: tool.description,
        inputSchema: fromJsonSchema<JsonRecord>(tool.inputSchema as never, UNCHECKED),
        annotations: annotationsOf(tool),
        _meta: {
          [DEVICE_TOOL_META]: {
            ...tool.declaration,
            memory: { id: memory.id, seconds: memory.keepMs / 1000 },
          },
        },
      },
      async (args) => resultOf(await guard.call(tool.name, args), tool.structured),
    );
  const properties = { requestId: { type: 'string', minLength: 1, maxLength: 200 } };
  server.registerTool(
    SETTLE_TOOL,
    {
      title: 'Settle a request',
      description:
        'Says what was done under a requestId. If nothing was, nothing ever will be under it. For a caller that lost the answer.',
      inputSchema: fromJsonSchema<{ requestId: string }>({
        type: 'object',
        properties,
        required: ['requestId'],
      }),
      annotations: {
        readOnlyHint: false,
        destructiveHint: false,
        idempotentHint: true,
        openWorldHint: false,
      },
      _meta: { [DEVICE_TOOL_META]: { risk: 'read', interlocks: [], guarded: false } },
    },
    ({ requestId }) => success({ ...guard.settle(requestId) }, true),
  );
}

function annotationsOf({ declaration, idempotent }: DeviceTool) {
  return {
    readOnlyHint: declaration.risk === 'read',
    destructiveHint: declaration.risk === 'disruptive' || declaration.risk === 'dangerous',
    idempotentHint: idempotent,
    openWorldHint: false,
  };
}

function resultOf(outcome: CallOutcome, structured: boolean): CallToolResult {
  switch (outcome.kind) {
    case 'done':
      return success(outcome.answer, structured);
    case 'dry-run':
      return success({ dryRun: true, would: outcome.would }, true);
    case 'refused': {
      const { code, message } = outcome.refusal;
      return {
        content: [{ type: 'text', text: `${code}: ${message}` }],
        structuredContent: { refusal: outcome.refusal },
        isError: true,
      };
    }
    default:
      return { content: [{ type: 'text', text: outcome.error }], isError: true };
  }
}

function success(value: JsonRecord, structured: boolean): CallToolResult {
  const content = [{ type: 'text' as const, text: JSON.stringify(value) }];
  return structured ? { content, structuredContent: { ...value } } : { content };
}
