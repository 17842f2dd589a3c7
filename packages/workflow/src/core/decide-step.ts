import type { PlannedStep, RecordError, SessionRecord, StepResultState } from '@shoal/protocol';
import { isWorkflowError } from '../errors.ts';
import { evaluateCondition } from './expressions.ts';
import { readinessOf } from './readiness.ts';
import { scopeOf } from './scope.ts';
import { currentAttempt, type SessionView } from './view.ts';

/** Who asks: the attempt that an instance was spawned for. */
export interface Claim {
  readonly stepId: string;
  readonly attempt: number;
  readonly claimId: string;
}

export type StepDecision =
  /** Another attempt, or the end of the session, has made this one pointless: touch nothing and leave. */
  | { readonly do: 'stand-down'; readonly reason: string }
  /** The result is there and this step is the closer: wait for the others, then outcome, replies, done (rule 13). */
  | { readonly do: 'close' }
  /** Write this result without working. */
  | { readonly do: 'finish'; readonly state: StepResultState; readonly error: RecordError }
  | { readonly do: 'wait'; readonly for: readonly string[]; readonly untilMs: number }
  | { readonly do: 'run' };

/** What an instance does next, from the records alone. Asked before every connect, after every CONNACK and on every change. */
export function decideStep(view: SessionView, claim: Claim, now: number): StepDecision {
  const { session } = view;
  const step = session?.steps.find((planned) => planned.id === claim.stepId);
  if (session === undefined || step === undefined)
    return standDown('the session has no such step, or is gone');
  const records = view.steps.get(step.id);
  if (currentAttempt(records) > claim.attempt)
    return standDown(`attempt ${currentAttempt(records)} took over from ${claim.attempt}`);
  const closes = session.closer === step.id;
  if (view.outcome !== undefined || records?.result !== undefined) return ended(view, closes, claim);
  if (records?.intent !== undefined && records.intent.claimId !== claim.claimId)
    return effectUnknown(records.intent.attempt);
  if (view.control !== undefined)
    return finish('canceled', 'CANCELED', view.control.reason ?? 'the session was canceled');
  const untilMs = Date.parse(session.deadlineAt);
  if (now >= untilMs)
    return finish('failed', 'DEADLINE_EXCEEDED', `the session had until ${session.deadlineAt}`);
  return onNeeds(session, step, view, untilMs);
}

function ended(view: SessionView, closes: boolean, claim: Claim): StepDecision {
  const records = view.steps.get(claim.stepId);
  if (!closes)
    return standDown(view.outcome === undefined ? 'the step has its result' : 'the session has its outcome');
  if (view.outcome !== undefined && records?.status?.state === 'done')
    return standDown('the session is closed');
  return { do: 'close' };
}

function onNeeds(
  session: SessionRecord,
  step: PlannedStep,
  view: SessionView,
  untilMs: number,
): StepDecision {
  const readiness = readinessOf(step, (id) => view.steps.get(id)?.result);
  if (readiness.ready === 'waiting') return { do: 'wait', for: readiness.for, untilMs };
  if (readiness.ready === 'never') return { do: 'finish', state: 'skipped', error: readiness.error };
  if (step.when === undefined) return { do: 'run' };
  try {
    return evaluateCondition(step.when, scopeOf(session, view))
      ? { do: 'run' }
      : finish('skipped', 'CONDITION_FALSE', `when: ${step.when}`);
  } catch (error) {
    if (!isWorkflowError(error)) throw error;
    return finish('failed', 'EXPRESSION', `when: ${error.message}`);
  }
}

function effectUnknown(attempt: number): StepDecision {
  return finish(
    'unknown',
    'EFFECT_UNKNOWN',
    `attempt ${attempt} ended after it had announced its effect and before its result: whether the effect happened is unknown`,
  );
}

function finish(state: StepResultState, code: string, message: string): StepDecision {
  return { do: 'finish', state, error: { code, message } };
}

function standDown(reason: string): StepDecision {
  return { do: 'stand-down', reason };
}
