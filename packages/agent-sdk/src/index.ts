export { A2aError, LOCAL_ERROR_CODES, isA2aError } from './errors.ts';
export type { ErrorFamily, LocalErrorCode } from './errors.ts';
export { decodeRequest } from './core/decode-request.ts';
export type {
  DecodeOptions,
  DecodedRequest,
  RejectedRequest,
  ReplyPath,
  RequestCall,
  UnsupportedMethod,
} from './core/decode-request.ts';
export { errorPayload, replyPayload, streamItemPayload } from './core/payloads.ts';
export type { JsonRpcId } from './core/payloads.ts';
export type { ServiceParameters } from './core/service-parameters.ts';
export { publishReply } from './io/publish-reply.ts';
export type { ReplyOptions } from './io/publish-reply.ts';
