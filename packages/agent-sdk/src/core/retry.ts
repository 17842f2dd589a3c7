/** The requester's retry profile as a state machine: events in, decision out. Time and chance are passed in. */

export interface RetryProfile {
  /** From the publish to the first reply. Default 15 000. */
  readonly firstReplyTimeoutMs: number;
  /** Between two items of a stream. Default 30 000. */
  readonly idleTimeoutMs: number;
  /** Publishes of the request, the first one included. Default 3. */
  readonly maxAttempts: number;
  /** Wait before attempt 2, 3, …; the last value serves all further attempts. Default 1 000, 2 000, 4 000. */
  readonly backoffMs: readonly number[];
  /** Share by which a wait is shortened or lengthened at random. Default 0.2. */
  readonly jitter: number;
}

/** The profile of a requester that names none; each field as its default says. */
export const DEFAULT_RETRY: RetryProfile = {
  firstReplyTimeoutMs: 15_000,
  idleTimeoutMs: 30_000,
  maxAttempts: 3,
  backoffMs: [1_000, 2_000, 4_000],
  jitter: 0.2,
};

/** Not authorized, topic name invalid, payload format invalid: the same publish can never succeed. */
const FINAL_REASON_CODES: ReadonlySet<number> = new Set([0x87, 0x90, 0x99]);

export const NO_MATCHING_SUBSCRIBERS = 0x10;

export type CallPhase = 'idle' | 'waiting' | 'backoff' | 'streaming' | 'recovering' | 'ended';

export interface CallState {
  readonly phase: CallPhase;
  /** Publishes so far. */
  readonly attempt: number;
  /** Why the last attempt was given up. */
  readonly reason?: FailureReason;
}

export type FailureReason =
  | { readonly kind: 'timeout' }
  | { readonly kind: 'no-responder' }
  | { readonly kind: 'refused'; readonly reasonCode: number }
  | { readonly kind: 'failed'; readonly cause: unknown };

export type CallEvent =
  | { readonly type: 'start' }
  /** A reply on any attempt's correlation. `last` when nothing may follow it. */
  | { readonly type: 'reply'; readonly last: boolean }
  | { readonly type: 'acknowledged'; readonly attempt: number; readonly reasonCode: number }
  /** `final`: no further attempt can succeed, for example because the link is closed. */
  | {
      readonly type: 'publish-failed';
      readonly attempt: number;
      readonly cause: unknown;
      readonly final: boolean;
    }
  | { readonly type: 'timer' }
  /** What was refused would be taken now, for example with a new token: publish at once. */
  | { readonly type: 'again' }
  /** The responder answered GetTask: the task is still at work. */
  | { readonly type: 'recovered' };

export interface Decision {
  readonly state: CallState;
  readonly action: 'publish' | 'recover' | 'fail' | 'none';
  /** Replaces the running timer; `undefined` stops it; `'keep'` leaves it. */
  readonly timerMs: number | 'keep' | undefined;
}

export const NEW_CALL: CallState = { phase: 'idle', attempt: 0 };

export function decideCall(
  state: CallState,
  event: CallEvent,
  profile: RetryProfile,
  random: () => number,
): Decision {
  switch (event.type) {
    case 'start':
      return publish(state, profile);
    case 'reply':
      if (state.phase === 'ended') return keep(state);
      if (event.last) return { state: { ...state, phase: 'ended' }, action: 'none', timerMs: undefined };
      return { state: { ...state, phase: 'streaming' }, action: 'none', timerMs: profile.idleTimeoutMs };
    case 'acknowledged':
      return acknowledged(state, event, profile, random);
    case 'publish-failed':
      if (state.phase !== 'waiting' || event.attempt !== state.attempt) return keep(state);
      if (event.final) return fail(state, { kind: 'failed', cause: event.cause });
      return giveUpAttempt(state, { kind: 'failed', cause: event.cause }, profile, random);
    case 'again':
      return publish(state, profile);
    case 'timer':
      return timer(state, profile, random);
    default:
      if (state.phase !== 'recovering') return keep(state);
      return { state: { ...state, phase: 'streaming' }, action: 'none', timerMs: profile.idleTimeoutMs };
  }
}

function acknowledged(
  state: CallState,
  event: { readonly attempt: number; readonly reasonCode: number },
  profile: RetryProfile,
  random: () => number,
): Decision {
  if (state.phase !== 'waiting' || event.attempt !== state.attempt) return keep(state);
  if (event.reasonCode === NO_MATCHING_SUBSCRIBERS)
    return giveUpAttempt(state, { kind: 'no-responder' }, profile, random);
  if (event.reasonCode < 0x80) return keep(state);
  const reason: FailureReason = { kind: 'refused', reasonCode: event.reasonCode };
  return FINAL_REASON_CODES.has(event.reasonCode)
    ? fail(state, reason)
    : giveUpAttempt(state, reason, profile, random);
}

function timer(state: CallState, profile: RetryProfile, random: () => number): Decision {
  if (state.phase === 'waiting') return giveUpAttempt(state, { kind: 'timeout' }, profile, random);
  if (state.phase === 'backoff') return publish(state, profile);
  if (state.phase === 'streaming') {
    return { state: { ...state, phase: 'recovering' }, action: 'recover', timerMs: undefined };
  }
  return keep(state);
}

function publish(state: CallState, profile: RetryProfile): Decision {
  return {
    state: { ...state, phase: 'waiting', attempt: state.attempt + 1 },
    action: 'publish',
    timerMs: profile.firstReplyTimeoutMs,
  };
}

function giveUpAttempt(
  state: CallState,
  reason: FailureReason,
  profile: RetryProfile,
  random: () => number,
): Decision {
  if (state.attempt >= profile.maxAttempts) return fail(state, reason);
  const waits = profile.backoffMs;
  const base = waits[Math.min(state.attempt, waits.length) - 1] ?? 0;
  const factor = 1 - profile.jitter + 2 * profile.jitter * random();
  return { state: { ...state, phase: 'backoff', reason }, action: 'none', timerMs: base * factor };
}

function fail(state: CallState, reason: FailureReason): Decision {
  return { state: { ...state, phase: 'ended', reason }, action: 'fail', timerMs: undefined };
}

function keep(state: CallState): Decision {
  return { state, action: 'none', timerMs: 'keep' };
}
