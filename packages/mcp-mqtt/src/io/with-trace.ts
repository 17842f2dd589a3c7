/** Spans of MCP requests, by OpenTelemetry's conventions for MCP; the trace context travels in `_meta`, and beside it as user properties. */
import { isLinkError, type UserProperties } from '@shoal/mqtt-link';
import { endSpan, startSpan, traceContextOf, within, type StartedSpan } from '@shoal/mqtt-link/tracing';
import { isMcpMqttError } from '../core/errors.ts';
import { isObject, type JsonObject, type McpMessage } from '../core/messages.ts';
import type { AnyRequest, Requester } from './with-timeouts.ts';

const NAME = '@shoal/mcp-mqtt';

/** Every request of an SDK object is a CLIENT span, and carries its context. Without an OpenTelemetry SDK requests stay as they are. */
export function withTrace(target: Requester): void {
  const plain = target.request.bind(target) as unknown as PlainRequest;
  const request: PlainRequest = async (request, ...rest) => {
    const started = startSpan(NAME, nameOf(request), { kind: 'client', attributes: attributesOf(request) });
    if (started === undefined) return plain(request, ...rest);
    const meta = isObject(request.params?.['_meta']) ? request.params['_meta'] : {};
    const params = { ...request.params, _meta: { ...meta, ...started.carrier } };
    let failure: string | undefined;
    try {
      const result = await within(started, () => plain({ ...request, params }, ...rest));
      failure = failureOf(result);
      return result;
    } catch (error) {
      failure = codeOf(error);
      throw error;
    } finally {
      endSpan(started, failure);
    }
  };
  target.request = request;
}

/** The SERVER span of a request that came in; its context is that of `_meta`, else that of the packet. */
export function startServed(
  message: McpMessage,
  userProperties: UserProperties = {},
): StartedSpan | undefined {
  const { method, params } = message;
  if (method === undefined) return undefined;
  const meta = isObject(params?.['_meta']) ? params['_meta'] : undefined;
  const parent = traceContextOf(meta) ?? traceContextOf(userProperties) ?? {};
  const request = { method, ...(params === undefined ? {} : { params: { ...params } }) };
  return startSpan(NAME, nameOf(request), { kind: 'server', attributes: attributesOf(request), parent });
}

/** The trace context that a message carries, for the packet that it goes in. */
export function tracePropertiesOf({ params }: McpMessage): UserProperties | undefined {
  const meta = params?.['_meta'];
  const carried = isObject(meta) ? traceContextOf(meta) : undefined;
  return carried === undefined ? undefined : { ...carried };
}

/** Why an answer is none: `tool_error`, or the JSON-RPC code. */
export function failureOf(answer: unknown): string | undefined {
  if (!isObject(answer)) return undefined;
  const { error, result } = answer as { readonly error?: JsonObject; readonly result?: unknown };
  if (isObject(error)) return String(error['code']);
  const tool = isObject(result) ? result : answer;
  return tool['isError'] === true ? 'tool_error' : undefined;
}

function nameOf({ method, params }: AnyRequest): string {
  const target = params?.['name'];
  return typeof target === 'string' ? `${method} ${target}` : method;
}

function attributesOf({ method, params }: AnyRequest): Record<string, string> {
  const { name, uri } = params ?? {};
  return {
    'mcp.method.name': method,
    'messaging.system': 'mqtt',
    ...(typeof name === 'string' && method === 'tools/call' ? { 'gen_ai.tool.name': name } : {}),
    ...(typeof uri === 'string' ? { 'mcp.resource.uri': uri } : {}),
  };
}

function codeOf(error: unknown): string {
  if (isMcpMqttError(error) || isLinkError(error)) return (error as { readonly code: string }).code;
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'number' || typeof code === 'string' ? String(code) : 'error';
}

type PlainRequest = (request: AnyRequest, ...rest: unknown[]) => Promise<unknown>;
