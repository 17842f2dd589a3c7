import { Type, type TUnsafe } from 'typebox';
import { def, type Static } from './def.ts';
import { AnyObject, mapOf, oneOf, OptionalText } from './base.ts';

const Version = Type.Unsafe<'2.0'>({ const: '2.0' });

const $JsonRpcRequest = Type.Object({
  jsonrpc: Version,
  id: Type.Unsafe<string | number>({ type: ['string', 'integer'] }),
  method: Type.String({ minLength: 1 }),
  params: Type.Optional(AnyObject),
});
/** Every A2A operation is answered, so `id` is required here. `METHODS` names the document that each method has as `params`. */
export interface JsonRpcRequest extends Static<typeof $JsonRpcRequest> {}
export const JsonRpcRequest: TUnsafe<JsonRpcRequest> = def('JsonRpcRequest', $JsonRpcRequest);

const $JsonRpcError = Type.Object({
  code: Type.Integer(),
  message: Type.String(),
  data: Type.Optional(Type.Unknown()),
});
/** `data`: an array of objects with `@type` for A2A errors, an object with `a2a_error` for errors of the binding. */
export interface JsonRpcError extends Static<typeof $JsonRpcError> {}
export const JsonRpcError: TUnsafe<JsonRpcError> = def('JsonRpcError', $JsonRpcError);

const $JsonRpcResponse = oneOf(
  { result: Type.Unknown(), error: JsonRpcError },
  { jsonrpc: Version, id: Type.Unsafe<string | number | null>({ type: ['string', 'integer', 'null'] }) },
);
/** One reply, or one item of a stream. `id` is null when the request's could not be read. */
export type JsonRpcResponse = Static<typeof $JsonRpcResponse>;
export const JsonRpcResponse: TUnsafe<JsonRpcResponse> = def('JsonRpcResponse', $JsonRpcResponse);

const $ErrorInfo = Type.Object({
  '@type': Type.Unsafe<'type.googleapis.com/google.rpc.ErrorInfo'>({
    const: 'type.googleapis.com/google.rpc.ErrorInfo',
  }),
  reason: Type.String(),
  domain: Type.String(),
  metadata: Type.Optional(mapOf(Type.String())),
});
export interface ErrorInfo extends Static<typeof $ErrorInfo> {}
export const ErrorInfo: TUnsafe<ErrorInfo> = def('ErrorInfo', $ErrorInfo);

const $BadRequest = Type.Object({
  '@type': Type.Unsafe<'type.googleapis.com/google.rpc.BadRequest'>({
    const: 'type.googleapis.com/google.rpc.BadRequest',
  }),
  fieldViolations: Type.Array(
    Type.Object({ field: Type.String(), description: Type.String(), reason: OptionalText }),
  ),
});
export interface BadRequest extends Static<typeof $BadRequest> {}
export const BadRequest: TUnsafe<BadRequest> = def('BadRequest', $BadRequest);

const $BindingErrorData = Type.Object({
  a2a_error: Type.String({ minLength: 1 }),
  details: Type.Optional(Type.Array(Type.Object({ '@type': Type.String() }))),
});
/** `error.data` of an error of the MQTT binding; `a2a_error` is the one snake_case name on the wire. */
export interface BindingErrorData extends Static<typeof $BindingErrorData> {}
export const BindingErrorData: TUnsafe<BindingErrorData> = def('BindingErrorData', $BindingErrorData);
