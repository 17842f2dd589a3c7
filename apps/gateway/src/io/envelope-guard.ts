import { a2aError, JSONRPC_ERRORS, jsonRpcError } from '@shoal/protocol';
import type { ErrorRequestHandler, RequestHandler } from 'express';

/** JSON-RPC 2.0 §5.1 tells a bad envelope (-32600) from bad parameters (-32602); the SDK's handler answers -32602 to both. */
export const envelopeGuard: RequestHandler = (request, response, next) => {
  const fault = envelopeFault(request.body);
  if (fault === undefined) return next();
  response.status(200).json({ jsonrpc: '2.0', id: null, error: jsonRpcError('InvalidRequest', fault) });
};

/** A body of a type that nobody reads here: said in the terms of the binding, and not as a body that is missing. */
export function contentTypeGuard(types: readonly string[]): RequestHandler {
  return (request, response, next) => {
    const isEmpty = (request.header('content-length') ?? '0') === '0' && !request.header('transfer-encoding');
    if (isEmpty || request.is([...types]) !== false) return next();
    const error = a2aError('ContentTypeNotSupported', `the body must be ${types.join(' or ')}`);
    if (request.method === 'POST' && request.path === '/')
      return response.status(200).json({ jsonrpc: '2.0', id: null, error });
    const { message, data } = error;
    return response
      .status(415)
      .json({ error: { code: 415, status: 'INVALID_ARGUMENT', message, details: data } });
  };
}

function envelopeFault(body: unknown): string | undefined {
  if (Array.isArray(body)) return 'A2A has no batches: send one request object';
  if (typeof body !== 'object' || body === null) return 'the body must be a JSON-RPC request object';
  const { jsonrpc, method, id } = body as Record<string, unknown>;
  if (jsonrpc !== '2.0') return 'jsonrpc must be "2.0"';
  if (typeof method !== 'string' || method === '') return 'method must name an operation';
  const isId = id === undefined || id === null || typeof id === 'string' || Number.isInteger(id);
  return isId ? undefined : 'id must be a string, an integer or null';
}

/** What the parser of the body did not take: too large, or no JSON. */
export const bodyErrors: ErrorRequestHandler = (error, request, response, next) => {
  const { type, status } = error as { readonly type?: string; readonly status?: number };
  const isRpc = request.method === 'POST' && request.path === '/';
  if (type === 'entity.parse.failed') {
    const message = 'the body is no JSON';
    if (isRpc)
      return response
        .status(200)
        .json({ jsonrpc: '2.0', id: null, error: jsonRpcError('ParseError', message) });
    return response.status(400).json(restError(400, 'INVALID_ARGUMENT', message));
  }
  if (type === 'entity.too.large') {
    const message = 'the body is larger than this gateway takes';
    const body = isRpc
      ? { jsonrpc: '2.0', id: null, error: { code: JSONRPC_ERRORS.InvalidRequest.code, message } }
      : restError(413, 'INVALID_ARGUMENT', message);
    return response.status(413).json(body);
  }
  if (status !== undefined && status < 500)
    return response.status(status).json(restError(status, 'INVALID_ARGUMENT', 'the body cannot be read'));
  return next(error);
};

/** A body as the HTTP+JSON binding has it (google.rpc.Status). */
export function restError(code: number, status: string, message: string): object {
  return { error: { code, status, message, details: [] } };
}
