import type { JsonRpcError, StreamResponse } from '@shoal/protocol';

export type JsonRpcId = string | number | null;

/** A JSON-RPC result, as text to publish. */
export function replyPayload(id: JsonRpcId, result: unknown): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${JSON.stringify(result)}}`;
}

/** One item of a stream. `item` may be its JSON already, so that several subscribers cost one encoding. */
export function streamItemPayload(id: JsonRpcId, item: StreamResponse | string): string {
  const result = typeof item === 'string' ? item : JSON.stringify(item);
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`;
}

/** A JSON-RPC error, as text to publish. `id` is null when the request had none that could be read. */
export function errorPayload(id: JsonRpcId, error: JsonRpcError): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"error":${JSON.stringify(error)}}`;
}
