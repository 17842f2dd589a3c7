import type { PlannedStep, SessionRecord } from '@shoal/protocol';
import {
  currentAttempt,
  isPaused,
  maxAttempts,
  readinessOf,
  type SessionView,
  type StepView,
} from '@shoal/workflow';
import type { ReconcilePolicy } from './policy.ts';

/** What a supervisor knows of its claims to the first attempts of several steps. */
export interface OwnClaims {
  /** It took the request. */
  readonly request: boolean;
  /** What it spawns now can share a connection, and there is room for more. */
  readonly sharesWriter?: boolean;
  /** Its claim, which was the first, while the connection that it names is there. */
  readonly standingClaim?: string | undefined;
  /** The steps that it has begun under it. */
  readonly begun?: ReadonlySet<string>;
}

/**
 * Whoever took the request claims the first attempts that may write over its shared connection in one record. Not of steps that must not
 * act twice, and not of those that are given one attempt: what is claimed like this and lost before it began costs one.
 */
export function stepsToClaimTogether(
  view: SessionView,
  session: SessionRecord,
  { spawnAhead }: ReconcilePolicy,
  { request, sharesWriter }: OwnClaims,
): readonly string[] {
  if (!request || sharesWriter !== true || spawnAhead || view.claim !== undefined) return [];
  if (view.control !== undefined || view.outcome !== undefined || isPaused(view)) return [];
  if (session.steps.some(({ id }) => currentAttempt(view.steps.get(id)) > 0)) return [];
  return session.steps
    .filter(
      (step) =>
        step.idempotent !== false && maxAttempts(step) > 1 && view.steps.get(step.id)?.result === undefined,
    )
    .map(({ id }) => id);
}

/** Readers that come later must find the claim that counts. */
export function isMisstated({ claim, firstClaimId }: SessionView, { standingClaim }: OwnClaims): boolean {
  return standingClaim !== undefined && firstClaimId === standingClaim && claim?.claimId !== standingClaim;
}

/** Of the claims to its first attempt, that to several steps was the first, whichever stands at its own topic. */
export function isClaimedTogether({ firstClaimId }: SessionView, records: StepView | undefined): boolean {
  if (records?.attempt?.attempt !== 1 || firstClaimId === undefined) return false;
  return records.firstClaimId?.startsWith(`${firstClaimId}.`) === true;
}

/** A step that was claimed with others waits so long; undefined: it may begin. */
export function waitOf(view: SessionView, step: PlannedStep, now: number): Wait | undefined {
  if (isPaused(view) && view.control === undefined) return {};
  const readiness = readinessOf(step, (id) => view.steps.get(id)?.result, now);
  return readiness.ready === 'waiting' ? readiness : undefined;
}

/** It may begin, and this supervisor's claim says that it does so here. */
export function isToBegin(
  { firstClaimId, steps }: SessionView,
  stepId: string,
  { standingClaim, begun }: OwnClaims,
): boolean {
  if (standingClaim === undefined || firstClaimId !== standingClaim) return false;
  return steps.get(stepId)?.result === undefined && begun?.has(stepId) !== true;
}

/** Why a claimed step does not begin; `untilMs`: it may then. */
export interface Wait {
  readonly untilMs?: number;
}
