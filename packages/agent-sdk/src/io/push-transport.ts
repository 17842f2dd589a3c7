import type { PostOutcome } from '../core/push-retry.ts';

/** How notifications leave the process. `httpPush` of `@shoal/agent-sdk/push` is the one for Node. */
export interface PushTransport {
  /** Why this URL is never called, as far as the URL alone tells; undefined when it may be. */
  refusal(url: string): string | undefined;
  /** One POST. Never rejects; ends early when the signal aborts. */
  post(request: PushRequest): Promise<PostOutcome>;
  close?(): Promise<void> | void;
}

export interface PushRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}
