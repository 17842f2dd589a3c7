import type { PlannedStep, RecordError, StepResultState } from '@shoal/protocol';

/** How the work of one attempt ended without an output. */
export interface Failure {
  readonly error: RecordError;
  /** True when the step's own code said so with a StepError, and knows what it did. */
  readonly deliberate: boolean;
  /** An intent was written: the effect may have happened. */
  readonly afterIntent: boolean;
}

export type FailureDecision =
  | { readonly do: 'retry'; readonly delayMs: number }
  | { readonly do: 'finish'; readonly state: StepResultState; readonly error: RecordError };

/**
 * Failed, unknown, or once more? After an intent only a deliberate failure is one: a timeout or a lost connection leaves open
 * whether the pump runs, and that is never tried again. `draw` as of `backoffMs`.
 */
export function decideFailure(
  step: PlannedStep,
  attempt: number,
  failure: Failure,
  draw = 1,
): FailureDecision {
  if (failure.afterIntent && !failure.deliberate)
    return {
      do: 'finish',
      state: 'unknown',
      error: {
        code: 'EFFECT_UNKNOWN',
        message: `${failure.error.code}: ${failure.error.message}`,
        details: failure.error.details ?? null,
      },
    };
  const retryable = failure.error.retryable === true && !failure.afterIntent;
  if (!retryable) return { do: 'finish', state: 'failed', error: failure.error };
  if (attempt < maxAttempts(step)) return { do: 'retry', delayMs: backoffMs(step, attempt, draw) };
  return {
    do: 'finish',
    state: 'failed',
    error: {
      code: 'ATTEMPTS_EXHAUSTED',
      message: `${attempt} of ${maxAttempts(step)} attempts failed; the last: ${failure.error.code}: ${failure.error.message}`,
      details: failure.error.details ?? null,
    },
  };
}

/** Attempts of the step in all, the first one included. Default 3. */
export function maxAttempts(step: Pick<PlannedStep, 'retry'>): number {
  return step.retry.maxAttempts ?? 3;
}

/**
 * Pause after the n-th attempt: doubles each time, up to its bound. `draw`, 0 to 1, places it within the jitter of the step; 1 is the
 * whole pause.
 */
export function backoffMs(step: Pick<PlannedStep, 'retry'>, attempt: number, draw = 1): number {
  const first = (step.retry.backoffSeconds ?? 1) * 1000;
  const longest = (step.retry.maxBackoffSeconds ?? 30) * 1000;
  const whole = Math.min(longest, first * 2 ** Math.min(attempt - 1, 20));
  return whole * (1 - (step.retry.jitter ?? 0) * (1 - draw));
}
