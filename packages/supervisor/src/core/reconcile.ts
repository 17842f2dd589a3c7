import type { PlannedStep, SessionRecord } from '@shoal/protocol';
import {
  backoffMs,
  currentAttempt,
  currentStatus,
  deadlineOf,
  decideStep,
  derivedDraw,
  isClosed,
  isPaused,
  lastActMs,
  maxAttempts,
  readinessOf,
  unfinishedSteps,
  type ActiveStep,
  type SessionView,
  type StandIn,
  type StepView,
} from '@shoal/workflow';
import {
  isClaimedTogether,
  isMisstated,
  isToBegin,
  stepsToClaimTogether,
  waitOf,
  type OwnClaims,
  type Wait,
} from './claim-together.ts';
import { litterFromMs } from './litter.ts';
import { openStepsOf } from './open-steps.ts';
import { remember, type StepMemory } from './memory.ts';
import type { ReconcilePolicy } from './policy.ts';

/** What a stand-in writes when the records leave it open. */
export type Verdict = Omit<StandIn, 'supervisorId'>;

export type Action =
  /** Claim `attempt`, and if the claim stands, spawn an instance, or end the step in its place (DESIGN rules 4 and 15). */
  | { readonly do: 'claim'; readonly stepId: string; readonly attempt: number; readonly standIn?: Verdict }
  /** Claim the first attempts of these steps at once, to begin each when it may run. */
  | { readonly do: 'claim-together'; readonly steps: readonly string[] }
  /** That claim stands, and another's record where it belongs. */
  | { readonly do: 'restate-claim' }
  /** That claim stands, and the step may run: spawn its instance. */
  | { readonly do: 'begin'; readonly stepId: string }
  | { readonly do: 'probe'; readonly stepId: string; readonly attempt: number }
  /** The step that runs this session as its work has ended, or is called off: so is this. */
  | { readonly do: 'cancel'; readonly reason: string }
  /** The session was closed long enough, or somebody wants it gone: remove its records. */
  | { readonly do: 'purge' };

export interface Reconciliation {
  readonly actions: readonly Action[];
  /** Look again then, if nothing changes before. */
  readonly wakeAtMs?: number;
  /** To be kept, by step. */
  readonly memory: ReadonlyMap<string, StepMemory>;
}

/** What this supervisor knows of its own doing. */
export interface Own extends OwnClaims {
  /** It spawned the instance of that claim, and knows that its process has not ended. */
  readonly child: (claimId: string) => boolean;
  /** It spawned the instance of that claim, and knows that its process has ended without finishing: no grace, no probe. */
  readonly dead: (claimId: string) => boolean;
  /** The shared connection of that id is gone for good: what wrote over it and has no status of its own has ended. */
  readonly writerLost?: (writerId: string) => boolean;
  /** Where it was started is gone or was not heard for a while: a suspect at once. */
  readonly lost?: (claimId: string) => boolean;
  /** The session whose step runs this one as its work, when it is known. */
  readonly parent?: SessionView | undefined;
}

const NOTHING_OWN: Own = { request: false, child: () => false, dead: () => false };

/** What is to be done for a session, from its records, what this supervisor has observed, and the time. Pure; may be asked often. */
export function reconcile(
  view: SessionView,
  known: ReadonlyMap<string, StepMemory>,
  policy: ReconcilePolicy,
  now: number,
  own: Own = NOTHING_OWN,
): Reconciliation {
  const { session } = view;
  // What a broker still holds after its expiry is no session any more: nobody brings it back to life.
  if (session === undefined || now > litterFromMs(view, now)) return { actions: [], memory: new Map() };
  if (isClosed(view)) return afterClose(view, session, now);
  const together = stepsToClaimTogether(view, session, policy, own);
  if (together.length > 1) return { actions: [{ do: 'claim-together', steps: together }], memory: known };
  const memory = new Map<string, StepMemory>();
  const actions: Action[] = [];
  if (isMisstated(view, own)) actions.push({ do: 'restate-claim' });
  const open = openStepsOf(view, session, now);
  let wakeAtMs = open.wakeAtMs ?? Infinity;
  const orphaned = orphanedBy(view, session, own.parent);
  if (orphaned !== undefined) actions.push(orphaned);
  for (const active of open.steps) {
    const step = active.planned;
    const records = view.steps.get(step.id);
    const status = currentStatus(records);
    const isTogether = status === undefined && isClaimedTogether(view, records);
    const waits = isTogether ? waitOf(view, step, now) : undefined;
    const state = waits === undefined ? (status?.state ?? '') : 'not begun';
    const seen = remember(
      known.get(step.id),
      `${currentAttempt(records)}:${state}:${status?.claimId ?? ''}`,
      now,
    );
    memory.set(step.id, seen);
    const next = decide({ view, session, active, step, records, seen, isTogether, waits, policy, now, own });
    if (next.do === 'sleep') wakeAtMs = Math.min(wakeAtMs, next.untilMs);
    else if (next.do !== 'nothing') actions.push(next);
  }
  return { actions, memory, ...(wakeAtMs === Infinity ? {} : { wakeAtMs }) };
}

function afterClose(view: SessionView, session: SessionRecord, now: number): Reconciliation {
  // Not before the deadline: an instance that slept until then may still carry the records of its session to a broker that seems to
  // have lost them (rule 17), and would bring a purged session back.
  const purgeAtMs = Math.max(
    lastActMs(session, view.extend),
    Date.parse(view.outcome?.at ?? session.deadlineAt) + session.retentionSeconds * 1000,
  );
  const memory = new Map<string, StepMemory>();
  // Who wants it gone sooner leaves a record that keeps it from coming back.
  return now >= purgeAtMs || view.purge !== undefined
    ? { actions: [{ do: 'purge' }], memory }
    : { actions: [], memory, wakeAtMs: purgeAtMs };
}

/** The work of a step that has ended, or whose session was canceled, is wanted no more: whoever should have said so is dead. */
function orphanedBy(
  view: SessionView,
  session: SessionRecord,
  parent: SessionView | undefined,
): Action | undefined {
  if (parent?.session === undefined || session.parent === undefined) return undefined;
  if (view.control !== undefined || view.outcome !== undefined) return undefined;
  const { sessionId, stepId } = session.parent;
  if (parent.control !== undefined) return { do: 'cancel', reason: `session ${sessionId} was canceled` };
  const ended = parent.outcome !== undefined || parent.steps.get(stepId)?.result !== undefined;
  return ended ? { do: 'cancel', reason: `step ${stepId} of session ${sessionId} has ended` } : undefined;
}

interface Situation {
  readonly view: SessionView;
  readonly session: SessionRecord;
  readonly active: ActiveStep;
  readonly step: PlannedStep;
  readonly records: StepView | undefined;
  readonly seen: StepMemory;
  /** It was claimed with others, and has said nothing yet. */
  readonly isTogether: boolean;
  /** ... and may not begin yet. */
  readonly waits: Wait | undefined;
  readonly policy: ReconcilePolicy;
  readonly now: number;
  readonly own: Own;
}

type Decision = Action | { readonly do: 'nothing' } | { readonly do: 'sleep'; readonly untilMs: number };

function decide(at: Situation): Decision {
  const { view, session, active, records, policy, now } = at;
  const overdueMs = deadlineOf(session, view.extend, active.role) + policy.deadlineGraceMs;
  if (records?.result === undefined && now >= overdueMs) return onDeadline(at, overdueMs);
  const attempt = currentAttempt(records);
  const decision = attempt === 0 ? onUnclaimed(at) : (onClaimedTogether(at) ?? onClaimed(at, attempt));
  if (decision.do !== 'nothing' && decision.do !== 'sleep') return decision;
  const untilMs = decision.do === 'sleep' ? decision.untilMs : Infinity;
  const deadlineMs = records?.result === undefined && view.outcome === undefined ? overdueMs : Infinity;
  const soonest = Math.min(untilMs, deadlineMs);
  return soonest === Infinity ? { do: 'nothing' } : { do: 'sleep', untilMs: soonest };
}

/** A missed deadline is ended in the instance's place; a stand-in that was claimed is left its grace first. */
function onDeadline(
  { view, session, active, step, records, seen, policy, now }: Situation,
  overdueMs: number,
): Decision {
  const claimedMs = Date.parse(records?.attempt?.at ?? '1970-01-01T00:00:00Z');
  const freshUntilMs = claimedMs >= overdueMs ? seen.sinceMs + policy.startGraceMs : 0;
  if (now < freshUntilMs) return { do: 'sleep', untilMs: freshUntilMs };
  return claim(step, currentAttempt(records) + 1, {
    state: 'failed',
    error: {
      code: 'DEADLINE_EXCEEDED',
      message: `the session had until ${new Date(deadlineOf(session, view.extend, active.role)).toISOString()}`,
    },
  });
}

function onUnclaimed({ view, active, step, seen, policy, now, own }: Situation): Decision {
  // Nothing begins in a pause; what a failed or canceled session still owes does.
  if (isPaused(view) && view.control === undefined && active.role !== 'compensation')
    return { do: 'nothing' };
  // Who took the request also spawns; the others only step in when it does not.
  const untilMs = own.request ? 0 : seen.sinceMs + policy.adoptMs;
  if (now < untilMs) return { do: 'sleep', untilMs };
  if (policy.spawnAhead) return claim(step, 1);
  const readiness = readinessOf(step, (id) => view.steps.get(id)?.result, now);
  if (readiness.ready !== 'waiting') return claim(step, 1);
  return sleepOf(readiness);
}

/** Until it may run, it has no attempt that could be lost. Undefined: it is to be seen to like any other. */
function onClaimedTogether({ view, step, isTogether, waits, own }: Situation): Decision | undefined {
  if (waits !== undefined) return sleepOf(waits);
  return isTogether && isToBegin(view, step.id, own) ? { do: 'begin', stepId: step.id } : undefined;
}

function sleepOf({ untilMs }: Wait): Decision {
  return untilMs === undefined ? { do: 'nothing' } : { do: 'sleep', untilMs };
}

function onClaimed(at: Situation, attempt: number): Decision {
  const { step, records, seen, policy, now, own } = at;
  const status = currentStatus(records);
  if (status === undefined) {
    if (attempt === 1 && lostItsWriter(records, own)) return afterPause(at, attempt);
    // A process that is known to live is only slow: starting another would make it slower.
    const patience = own.child(records?.attempt?.claimId ?? '') ? 4 : 1;
    return whenOver(at, attempt, seen.sinceMs + patience * policy.startGraceMs);
  }
  if (status.state === 'retrying') {
    const retryAtMs =
      status.retryAt === undefined
        ? now
        : Math.min(Date.parse(status.retryAt), seen.sinceMs + longestPauseMs(step));
    return now >= retryAtMs ? respawn(at, attempt) : { do: 'sleep', untilMs: retryAtMs };
  }
  if (status.state === 'parked') return onParked(at, attempt);
  if (status.state === 'lost' || status.state === 'done')
    return whenOver(at, attempt, seen.sinceMs + policy.suspicionMs);
  return whenOver(at, attempt, seen.aliveMs + policy.livenessMs);
}

/** A fact, not a suspicion: a writer does not come back (docs/decisions: quick steps share a connection). */
function lostItsWriter(records: StepView | undefined, own: Own): boolean {
  const { writerId, claimId } = records?.attempt ?? {};
  if (writerId === undefined || claimId === undefined || own.child(claimId)) return false;
  return own.writerLost?.(writerId) === true;
}

/** Nobody is there, and nobody need be, until there is something to do. What comes then is no retry. */
function onParked({ view, step, now }: Situation, attempt: number): Decision {
  const claimId = view.steps.get(step.id)?.attempt?.claimId ?? '';
  const next = decideStep(view, { stepId: step.id, attempt, claimId }, now);
  if (next.do === 'park' || next.do === 'wait') return { do: 'sleep', untilMs: next.untilMs };
  return claim(step, attempt + 1);
}

/** Quiet until then, after that a suspect: probed until it answers or has missed often enough (rule 9). */
function whenOver(at: Situation, attempt: number, suspectFromMs: number): Decision {
  const { step, records, seen, policy, now, own } = at;
  const claimId = records?.attempt?.claimId ?? '';
  if (seen.dead === true || own.dead(claimId)) return afterPause(at, attempt);
  if (now < suspectFromMs && own.lost?.(claimId) !== true) return { do: 'sleep', untilMs: suspectFromMs };
  if (seen.probing) return { do: 'nothing' };
  if (seen.misses >= policy.missesToDeath) return afterPause(at, attempt);
  // An answered probe of a suspect whose status stays `lost` is asked again, but without hurry.
  const quietMs =
    seen.lastProbeMs === undefined
      ? 0
      : seen.misses > 0
        ? seen.lastProbeMs + policy.probeGapMs
        : seen.aliveMs + policy.livenessMs;
  if (now < quietMs) return { do: 'sleep', untilMs: quietMs };
  return { do: 'probe', stepId: step.id, attempt };
}

/** The first respawn comes at once, later ones after a pause that doubles: a step that dies at every start stays cheap. */
function afterPause(at: Situation, attempt: number): Decision {
  const { session, step, seen, now } = at;
  const draw = derivedDraw(session.sessionId, step.id, attempt);
  const readyMs = attempt < 2 ? 0 : seen.sinceMs + backoffMs(step, attempt - 1, draw);
  return now >= readyMs ? respawn(at, attempt) : { do: 'sleep', untilMs: readyMs };
}

function respawn({ view, session, active, step, records }: Situation, attempt: number): Decision {
  const next = attempt + 1;
  if (attempt < maxAttempts(step)) {
    // A canceled step needs no process to say so.
    const canceled = view.control !== undefined && active.role !== 'compensation';
    if (!canceled || records?.result !== undefined) return claim(step, next);
    return claim(step, next, {
      state: 'canceled',
      error: { code: 'CANCELED', message: view.control?.reason ?? 'the session was canceled' },
    });
  }
  // Only the end is left to write, and it has to wait for the others.
  if (
    records?.result !== undefined &&
    view.outcome === undefined &&
    unfinishedSteps(session, view).length > 0
  )
    return { do: 'nothing' };
  const last = records?.status?.error;
  const why = last === undefined ? '' : `; the last said ${last.code}: ${last.message}`;
  return claim(step, next, {
    state: 'failed',
    error: {
      code: 'ATTEMPTS_EXHAUSTED',
      message: `${attempt} of ${maxAttempts(step)} attempts died without a result${why}`,
    },
  });
}

function longestPauseMs(step: PlannedStep): number {
  return (step.retry.maxBackoffSeconds ?? 30) * 1000;
}

function claim(step: PlannedStep, attempt: number, standIn?: Verdict): Action {
  return { do: 'claim', stepId: step.id, attempt, ...(standIn === undefined ? {} : { standIn }) };
}
