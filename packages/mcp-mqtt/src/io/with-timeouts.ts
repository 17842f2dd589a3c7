import {
  SdkError,
  SdkErrorCode,
  type RequestOptions,
  type StandardSchemaV1,
} from '@modelcontextprotocol/client';
import { McpMqttError } from '../core/errors.ts';
import { requestTimeoutMs, type RequestTimeouts } from '../core/timeouts.ts';

export interface AnyRequest {
  method: string;
  params?: Record<string, unknown>;
}

/** `Client`, `Server` and `Protocol` of the MCP SDK have this shape. */
export interface Requester {
  request: (...args: never[]) => Promise<unknown>;
}

/** Called for each failed request; what it returns is thrown. */
export type ExplainError = (error: unknown, method: string) => Promise<unknown>;

/**
 * Gives every request of an SDK object the timeouts of MCP over MQTT: all its verbs end up in `request`. Replaced, not overridden, so
 * that its overloads stay as the SDK has them. A request without an answer rejects with `request-timeout`.
 */
export function withTimeouts(target: Requester, timeouts: RequestTimeouts, explain: ExplainError): void {
  const plain = target.request.bind(target) as unknown as PlainRequest;
  const request: PlainRequest = async (request, ...rest) => {
    const schema = isSchema(rest[0]) ? [rest.shift()] : [];
    const given = (rest[0] as RequestOptions | undefined) ?? {};
    const timeout = given.timeout ?? requestTimeoutMs(request.method, timeouts);
    try {
      return await plain(request, ...schema, { ...given, timeout });
    } catch (error) {
      throw await explain(timedOut(error, request.method, timeout) ?? error, request.method);
    }
  };
  target.request = request;
}

function timedOut(cause: unknown, method: string, timeoutMs: number): McpMqttError | undefined {
  if (!SdkError.isInstance(cause) || cause.code !== SdkErrorCode.RequestTimeout) return undefined;
  return new McpMqttError('request-timeout', `"${method}" was not answered in ${timeoutMs} ms`, { cause });
}

type PlainRequest = (request: AnyRequest, ...rest: unknown[]) => Promise<unknown>;

function isSchema(value: unknown): value is StandardSchemaV1 {
  return typeof value === 'object' && value !== null && '~standard' in value;
}
