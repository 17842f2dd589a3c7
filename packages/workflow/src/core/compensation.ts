import type { PlannedStep, SessionOutcome, StepResult } from '@shoal/protocol';
import { claimedItems, compensationOf, type ActiveStep } from './active-step.ts';
import { policiesOf } from './readiness.ts';
import type { SessionView } from './view.ts';

type Compensation = Extract<ActiveStep, { role: 'compensation' }>;

/**
 * What is to be undone, in that order: the last step first, one after the other. None before every step has ended, and none unless a
 * step did not complete whose policy is `compensate`.
 */
export function compensationsOf(view: SessionView): readonly Compensation[] {
  const { session } = view;
  if (session?.compensationSeconds === undefined) return [];
  const results = session.steps.map((step) => view.steps.get(step.id)?.result);
  if (results.includes(undefined)) return [];
  const triggered = session.steps.some(
    (step, index) => isFailure(results[index]) && policiesOf(step, session.steps).includes('compensate'),
  );
  if (!triggered) return [];
  return session.steps
    .filter((step, index) => mayHaveActed(view, step, results[index]))
    .flatMap((step) => compensationOf(step) ?? [])
    .toReversed();
}

function isFailure(result: StepResult | undefined): boolean {
  return result?.state === 'failed' || result?.state === 'unknown' || result?.state === 'canceled';
}

/** Failures that nobody who did the work tells of: what it had done by then is not known. */
const CUT_OFF: ReadonlySet<string | undefined> = new Set([
  'ATTEMPTS_EXHAUSTED',
  'STEP_TIMEOUT',
  'DEADLINE_EXCEEDED',
]);

/**
 * A step that ended unknown may have acted, so may one that was begun and then cut off: canceled, out of time, or out of attempts. And so
 * may the items of a fan-out that failed as a whole.
 */
function mayHaveActed(view: SessionView, step: PlannedStep, result: StepResult | undefined): boolean {
  if (result?.state === 'completed' || result?.state === 'unknown') return true;
  const cutOff =
    result?.state === 'canceled' || (result?.state === 'failed' && CUT_OFF.has(result.error?.code));
  if (cutOff && view.steps.get(step.id)?.attempt !== undefined) return true;
  return claimedItems(view, step).some(({ planned }) => {
    const state = view.steps.get(planned.id)?.result?.state;
    return state === 'completed' || state === 'unknown';
  });
}

/** The one that is due: the first without a result. */
export function nextCompensation(view: SessionView): Compensation | undefined {
  return compensationsOf(view).find(({ planned }) => view.steps.get(planned.id)?.result === undefined);
}

/** For the outcome; undefined when nothing was to be undone. */
export function compensationSummary(
  view: SessionView,
  summaryOf: (result: StepResult) => NonNullable<SessionOutcome['compensation']>['steps'][number],
): SessionOutcome['compensation'] {
  const results = compensationsOf(view).flatMap(({ planned }) => view.steps.get(planned.id)?.result ?? []);
  if (results.length === 0) return undefined;
  const whole = results.every(({ state }) => state === 'completed');
  return { state: whole ? 'completed' : 'failed', steps: results.map(summaryOf) };
}
