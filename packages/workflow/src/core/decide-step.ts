import type { PlannedStep, RecordError, SessionRecord, StepResultState } from '@shoal/protocol';
import { isWorkflowError } from '../errors.ts';
import type { Json } from '../types/blueprint.ts';
import { deadlineOf, findStep, stepExtendedMs, type ActiveStep } from './active-step.ts';
import { approvalEnd, approvalExpiresMs } from './approval.ts';
import { nextCompensation } from './compensation.ts';
import { evaluateCondition } from './expressions.ts';
import { fanOutEnd, fanOutOf } from './fan-out.ts';
import { readinessOf } from './readiness.ts';
import { scopeOf } from './scope.ts';
import { currentAttempt, isPaused, type SessionView } from './view.ts';

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
  | {
      readonly do: 'finish';
      readonly state: StepResultState;
      readonly error?: RecordError;
      readonly output?: Json;
    }
  | { readonly do: 'wait'; readonly for: readonly string[]; readonly untilMs: number }
  /** Pin the items of the fan-out. */
  | { readonly do: 'expand' }
  /** Ask for approval. */
  | { readonly do: 'ask' }
  /** Nothing to do until others have acted, or until then: leave; a supervisor spawns the next attempt when there is. */
  | { readonly do: 'park'; readonly untilMs: number }
  | { readonly do: 'run' };

/**
 * What an instance does next, from the records alone. Asked before every connect, after every CONNACK and on every change. `begun`: its
 * work has begun, and a pause comes too late for it.
 */
export function decideStep(view: SessionView, claim: Claim, now: number, begun = false): StepDecision {
  const { session } = view;
  const active = findStep(view, claim.stepId);
  if (session === undefined || active === undefined)
    return standDown('the session has no such step, or is gone');
  const records = view.steps.get(claim.stepId);
  if (currentAttempt(records) > claim.attempt)
    return standDown(`attempt ${currentAttempt(records)} took over from ${claim.attempt}`);
  if (view.outcome !== undefined || records?.result !== undefined)
    return ended(view, session.closer === claim.stepId, claim);
  if (records?.intent !== undefined && records.intent.claimId !== claim.claimId)
    return effectUnknown(records.intent.attempt);
  return (
    calledOff(view, active) ??
    overdue(view, session, active, now) ??
    onRole(view, session, active, begun, now)
  );
}

function ended(view: SessionView, closes: boolean, claim: Claim): StepDecision {
  const records = view.steps.get(claim.stepId);
  if (!closes)
    return standDown(view.outcome === undefined ? 'the step has its result' : 'the session has its outcome');
  if (view.outcome !== undefined && records?.status?.state === 'done')
    return standDown('the session is closed');
  return { do: 'close' };
}

/** A compensation is not called off: it is what a canceled session still owes. */
function calledOff(view: SessionView, active: ActiveStep): StepDecision | undefined {
  if (active.role === 'compensation') return undefined;
  if (active.role === 'item' && view.steps.get(active.of.id)?.result !== undefined)
    return finish('canceled', 'FAN_OUT_ENDED', `step ${active.of.id} has ended`);
  if (view.control === undefined) return undefined;
  return finish('canceled', 'CANCELED', view.control.reason ?? 'the session was canceled');
}

function overdue(
  { extend }: SessionView,
  session: SessionRecord,
  active: ActiveStep,
  now: number,
): StepDecision | undefined {
  const untilMs = deadlineOf(session, extend, active.role);
  if (now < untilMs) return undefined;
  return finish('failed', 'DEADLINE_EXCEEDED', `the session had until ${new Date(untilMs).toISOString()}`);
}

function onRole(
  view: SessionView,
  session: SessionRecord,
  active: ActiveStep,
  begun: boolean,
  now: number,
): StepDecision {
  const untilMs = deadlineOf(session, view.extend, active.role);
  const held = isPaused(view) && !begun;
  if (active.role === 'compensation') {
    const due = nextCompensation(view)?.planned.id;
    if (due === undefined) return standDown('nothing is to be undone');
    return due === active.planned.id ? { do: 'run' } : { do: 'wait', for: [due], untilMs };
  }
  if (active.role === 'item') return held ? { do: 'wait', for: [], untilMs } : { do: 'run' };
  const decision = onNeeds(session, active.planned, view, untilMs, now);
  if (decision.do !== 'run') return decision;
  if (held) return { do: 'wait', for: [], untilMs };
  return onReady(view, active, untilMs, now);
}

function onNeeds(
  session: SessionRecord,
  step: PlannedStep,
  view: SessionView,
  untilMs: number,
  now: number,
): StepDecision {
  const readiness = readinessOf(step, (id) => view.steps.get(id)?.result, now);
  if (readiness.ready === 'waiting')
    return { do: 'wait', for: readiness.for, untilMs: Math.min(untilMs, readiness.untilMs ?? untilMs) };
  if (readiness.ready === 'never') return { do: 'finish', state: readiness.state, error: readiness.error };
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

/** Its needs are met: work, or first what the work of others depends on. */
function onReady(view: SessionView, active: ActiveStep, untilMs: number, now: number): StepDecision {
  const step = active.planned;
  const records = view.steps.get(step.id);
  if (step.forEach !== undefined) {
    const fanOut = fanOutOf(view, step, now);
    if (fanOut === undefined) return { do: 'expand' };
    return fanOut.over ? { do: 'finish', ...fanOutEnd(view, step, fanOut) } : { do: 'park', untilMs };
  }
  if (step.use.approval !== undefined) {
    if (records?.approval === undefined) return { do: 'ask' };
    const expiresMs = approvalExpiresMs(records.approval, stepExtendedMs(view.extend, active));
    const end = approvalEnd(records, now, expiresMs);
    if (end !== undefined) return { do: 'finish', ...end };
    return { do: 'park', untilMs: Math.min(untilMs, expiresMs) };
  }
  return { do: 'run' };
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
