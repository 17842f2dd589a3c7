/** What travels in the packets: JSON-RPC messages, presence, user properties. Pure. */
import type { JSONRPCMessage } from '@modelcontextprotocol/client';

const COMPONENT_TYPE = 'MCP-COMPONENT-TYPE';
export const SENDER_ID = 'MCP-MQTT-CLIENT-ID';
const META = 'MCP-META';
export const SUGGESTED_SERVER_NAME = 'MCP-SERVER-NAME';
export const SUGGESTED_NAME_FILTERS = 'MCP-SERVER-NAME-FILTERS';
export const SUGGESTED_ROLES = 'MCP-RBAC';

export const MAX_MESSAGE_BYTES = 1_048_576;

export type McpComponent = 'mcp-client' | 'mcp-server';

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** MUST be on CONNECT ("User Property"). */
export function connectProperties(component: McpComponent, meta: JsonObject): Record<string, string> {
  return { [COMPONENT_TYPE]: component, [META]: JSON.stringify(meta) };
}

/** MUST be on each PUBLISH ("User Property"). */
export function publishProperties(component: McpComponent, senderId: string): Record<string, string> {
  return { [COMPONENT_TYPE]: component, [SENDER_ID]: senderId };
}

export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  /** `id` is set when the sender waits for an answer under it. */
  | { readonly ok: false; readonly problem: string; readonly id?: string | number };

/** Reads one JSON-RPC 2.0 message; the problem names the field. Batches are not used on this transport. */
export function decodeMessage(
  payload: Uint8Array,
  maxBytes: number = MAX_MESSAGE_BYTES,
): Decoded<JSONRPCMessage> {
  if (payload.length > maxBytes)
    return { ok: false, problem: `payload has ${payload.length} bytes, more than ${maxBytes}` };
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (error) {
    return { ok: false, problem: `payload is not UTF-8 JSON: ${(error as Error).message}` };
  }
  if (!isObject(value)) return { ok: false, problem: 'payload must be one JSON object' };
  const id = typeof value['id'] === 'string' || typeof value['id'] === 'number' ? value['id'] : undefined;
  const problem = messageProblem(value, id);
  if (problem === undefined) return { ok: true, value: value as unknown as JSONRPCMessage };
  return { ok: false, problem, ...(id !== undefined && typeof value['method'] === 'string' ? { id } : {}) };
}

function messageProblem(value: JsonObject, id: string | number | undefined): string | undefined {
  if (value['jsonrpc'] !== '2.0') return '"jsonrpc" must be "2.0"';
  if (value['id'] !== undefined && id === undefined) return '"id" must be a string or a number';
  if (value['method'] !== undefined) {
    if (typeof value['method'] !== 'string' || value['method'] === '')
      return '"method" must be a non-empty string';
    if (value['params'] !== undefined && !isObject(value['params'])) return '"params" must be an object';
    return undefined;
  }
  if (id === undefined) return 'either "method" or "id" must be present';
  if (isObject(value['result']) && value['error'] === undefined) return undefined;
  const error = value['error'];
  if (!isObject(error)) return 'a response needs "result" (object) or "error" (object)';
  if (!Number.isInteger(error['code'])) return '"error.code" must be an integer';
  return typeof error['message'] === 'string' ? undefined : '"error.message" must be a string';
}

export interface OnlineNotice {
  readonly serverName: string;
  readonly description: string;
  /** `meta` as sent; `rbac` in it is the specification's. */
  readonly meta: JsonObject;
  /** Changes each time the server (re)connects, so that a client notices a restart that it slept through. */
  readonly epoch?: string;
}

const ONLINE = 'notifications/server/online';

/** The epoch travels as `meta.shoal.epoch`; other implementations ignore it. */
export function encodeOnline(notice: OnlineNotice): string {
  const meta = notice.epoch === undefined ? notice.meta : { ...notice.meta, shoal: { epoch: notice.epoch } };
  const params = { server_name: notice.serverName, description: notice.description, meta };
  return JSON.stringify({ jsonrpc: '2.0', method: ONLINE, params });
}

/** Tolerant: only the method must be right; the name in the topic counts, not the one in the payload. */
export function decodeOnline(payload: Uint8Array, serverName: string): Decoded<OnlineNotice> {
  const message = decodeMessage(payload);
  if (!message.ok) return message;
  const { method, params } = message.value as { method?: string; params?: JsonObject };
  if (method !== ONLINE)
    return { ok: false, problem: `"method" must be "${ONLINE}", got ${JSON.stringify(method)}` };
  const description = typeof params?.['description'] === 'string' ? params['description'] : '';
  const meta = isObject(params?.['meta']) ? params['meta'] : {};
  const own = isObject(meta['shoal']) ? meta['shoal']['epoch'] : undefined;
  const epoch = typeof own === 'string' ? { epoch: own } : {};
  return { ok: true, value: { serverName, description, meta, ...epoch } };
}

export const DISCONNECTED = 'notifications/disconnected';
export const disconnectedPayload: string = JSON.stringify({ jsonrpc: '2.0', method: DISCONNECTED });

export function errorPayload(id: string | number, code: number, message: string, data?: JsonObject): string {
  return JSON.stringify({
    jsonrpc: '2.0',
    id,
    error: { code, message, ...(data === undefined ? {} : { data }) },
  });
}

/** Notifications that "Capability List Changed" and "Resource Update" move from the RPC topic to the capability topic. */
export function isCapabilityChange(message: JSONRPCMessage): boolean {
  if (!('method' in message) || 'id' in message) return false;
  return message.method === 'notifications/resources/updated' || message.method.endsWith('/list_changed');
}

/** The value of a user property that must occur once; a list counts as absent. */
export function singleProperty(
  properties: Readonly<Record<string, string | readonly string[]>>,
  name: string,
): string | undefined {
  const value = properties[name];
  return typeof value === 'string' ? value : undefined;
}

/** The fields of any JSON-RPC message, for who looks before it tells them apart. */
export interface McpMessage {
  readonly method?: string;
  readonly id?: string | number;
  readonly params?: JsonObject;
}

export type McpRequest = JSONRPCMessage & { readonly method: string; readonly id: string | number };

export function isMcpRequest(message: JSONRPCMessage): message is McpRequest {
  return 'method' in message && 'id' in message && message.id !== undefined;
}
