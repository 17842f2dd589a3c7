export { httpPush } from './http-push.ts';
export type { HttpPushOptions } from './http-push.ts';
export { PUSH_SIGNATURES_EXTENSION, pushKeysOf, pushSignaturesExtension, verifyPush } from './signature.ts';
export type { PushSigning, ReceivedPush, VerifiedPush, VerifyPushOptions } from './signature.ts';
