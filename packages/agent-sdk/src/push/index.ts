export { httpPush } from './http-push.ts';
export type { HttpPushOptions } from './http-push.ts';
