/** When a notification is posted again. Times in milliseconds. */
export interface PushProfile {
  /** Posts of one update, the first one included. Default 5. */
  readonly maxAttempts: number;
  /** Wait before attempt 2, 3, …; the last value serves all further ones. Default 1 000, 4 000, 15 000, 60 000. */
  readonly backoffMs: readonly number[];
  /** Share by which a wait is shortened or lengthened at random. Default 0.2. */
  readonly jitter: number;
  /** Updates given up one after the other until the configuration is dropped. Default 3. */
  readonly maxFailedUpdates: number;
  /** Updates of one configuration that may wait; beyond it the task itself replaces them all. Default 32. */
  readonly maxQueued: number;
}

export const DEFAULT_PUSH: PushProfile = {
  maxAttempts: 5,
  backoffMs: [1_000, 4_000, 15_000, 60_000],
  jitter: 0.2,
  maxFailedUpdates: 3,
  maxQueued: 32,
};

/** What became of one post: an HTTP status, or why there was none. */
export type PostOutcome =
  | { readonly status: number }
  /** `final`: it can never succeed, such as an address that must not be called. */
  | { readonly failure: string; readonly final: boolean };

export type PushDecision =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'again'; readonly waitMs: number }
  /** This update is given up. */
  | { readonly kind: 'failed'; readonly why: string }
  /** The receiver wants no more of them. */
  | { readonly kind: 'gone'; readonly why: string };

/** 408 and 429 may pass; every other 4xx and every redirect means the same next time. */
export function decidePush(
  outcome: PostOutcome,
  attempt: number,
  profile: PushProfile,
  random: () => number,
): PushDecision {
  const why = 'status' in outcome ? `HTTP ${outcome.status}` : outcome.failure;
  if ('status' in outcome && outcome.status >= 200 && outcome.status < 300) return { kind: 'delivered' };
  if ('status' in outcome && outcome.status === 410) return { kind: 'gone', why };
  const passing =
    'status' in outcome
      ? outcome.status >= 500 || outcome.status === 408 || outcome.status === 429
      : !outcome.final;
  if (!passing || attempt >= profile.maxAttempts) return { kind: 'failed', why };
  const { backoffMs, jitter } = profile;
  const base = backoffMs[Math.min(attempt, backoffMs.length) - 1] ?? 0;
  return { kind: 'again', waitMs: base * (1 - jitter + 2 * jitter * random()) };
}
