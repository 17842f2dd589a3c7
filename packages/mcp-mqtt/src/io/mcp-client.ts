import {
  Client,
  ProtocolError,
  SdkError,
  SdkErrorCode,
  type CallToolResult,
  type ClientOptions,
  type Implementation,
  type RequestOptions,
  type StandardSchemaV1,
} from '@modelcontextprotocol/client';
import { McpMqttError } from '../core/errors.ts';
import { requestTimeoutMs, type RequestTimeouts } from '../core/timeouts.ts';
import type { MqttClientTransport } from './client-transport.ts';

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
  const plain = client.request.bind(client) as PlainRequest;
  // Every verb of the client ends up in `request`. Replaced, not overridden: its overloads stay as the SDK has them.
  client.request = async (request: AnyRequest, ...rest: unknown[]) => {
    const schema = isSchema(rest[0]) ? [rest.shift()] : [];
    const given = (rest[0] as RequestOptions | undefined) ?? {};
    const timeout = given.timeout ?? requestTimeoutMs(request.method, timeouts);
    try {
      return await plain(request, ...schema, { ...given, timeout });
    } catch (error) {
      throw await explained(error, request.method, timeout, transport);
    }
  };
  return client;
}

/** What the caller gets for an error of the SDK. A server that does not answer `ping` is given up ("Health Checks"). */
async function explained(
  error: unknown,
  method: string,
  timeoutMs: number,
  transport: MqttClientTransport,
): Promise<unknown> {
  if (SdkError.isInstance(error) && error.code === SdkErrorCode.RequestTimeout) {
    const message = `"${method}" was not answered in ${timeoutMs} ms`;
    const timeout = new McpMqttError('request-timeout', message, { cause: error });
    if (method === 'ping') await transport.abandon(timeout);
    return timeout;
  }
  const reason = transport.closeReason;
  // Once the connection has ended, only an answer of the server is worth more than the reason of the end.
  if (reason === undefined || ProtocolError.isInstance(error)) return error;
  return new McpMqttError(reason.code, `"${method}": ${reason.message}`, { cause: error });
}

type PlainRequest = (request: AnyRequest, ...rest: unknown[]) => Promise<unknown>;

interface AnyRequest {
  method: string;
  params?: Record<string, unknown>;
}

function isSchema(value: unknown): value is StandardSchemaV1 {
  return typeof value === 'object' && value !== null && '~standard' in value;
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
  if (result.isError === true) throw new McpMqttError('tool-failed', `${name}: ${text ?? 'no reason given'}`);
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
