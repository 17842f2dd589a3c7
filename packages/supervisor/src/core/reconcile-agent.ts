import type { AgentAttempt, DesiredState } from '@shoal/protocol';
import type { StepMemory } from './memory.ts';
import type { ReconcilePolicy } from './policy.ts';

/** What is known of one long-lived agent. */
export interface AgentView {
  desired?: DesiredState;
  attempt?: AgentAttempt;
  firstClaimId?: string;
  /** From its card. `absent`: there is no card. */
  presence: 'online' | 'offline' | 'absent';
  /** Counts the changes of presence. */
  presenceSeq: number;
}

export type AgentDecision =
  | { readonly do: 'nothing' }
  | { readonly do: 'sleep'; readonly untilMs: number }
  | { readonly do: 'probe' }
  | { readonly do: 'claim'; readonly attempt: number; readonly quickDeaths: number };

/** A life shorter than this counts towards the crash-loop pause. */
const QUICK_DEATH_MS = 60_000;
const LONGEST_PAUSE_MS = 60_000;

/** Attempt and presence: what a memory is about. */
export function agentKey(view: AgentView): string {
  return `${view.attempt?.attempt ?? 0}:${view.presenceSeq}:${view.presence}`;
}

/**
 * Keep alive what is wanted and not there. Presence is a hint (DESIGN rule 18): whoever is not seen online is probed, and only its
 * silence counts; whoever is seen online is probed too, now and then.
 */
export function reconcileAgent(
  view: AgentView,
  seen: StepMemory,
  policy: ReconcilePolicy,
  now: number,
): AgentDecision {
  if (view.desired?.state !== 'running') return { do: 'nothing' };
  const { attempt } = view;
  if (seen.dead === true && attempt !== undefined) return onDeath(attempt, seen, now);
  const suspectFromMs = suspectFrom(view, seen, policy, now);
  if (now < suspectFromMs && seen.lost !== true) return { do: 'sleep', untilMs: suspectFromMs };
  if (seen.probing) return { do: 'nothing' };
  if (seen.misses >= policy.missesToDeath) return onDeath(attempt, seen, now);
  const againMs =
    seen.lastProbeMs === undefined
      ? 0
      : seen.misses > 0
        ? seen.lastProbeMs + policy.probeGapMs
        : seen.aliveMs + policy.livenessMs;
  return now < againMs ? { do: 'sleep', untilMs: againMs } : { do: 'probe' };
}

function suspectFrom(view: AgentView, seen: StepMemory, policy: ReconcilePolicy, now: number): number {
  if (view.presence === 'online') return seen.aliveMs + policy.livenessMs;
  const { attempt } = view;
  if (attempt === undefined) return 0;
  // Claimed a moment ago and not yet online: it is starting.
  const graceUntilMs = Date.parse(attempt.at) + policy.startGraceMs;
  const wasOnline =
    view.presenceSeq > 0 && view.presence === 'offline' && seen.sinceMs > Date.parse(attempt.at);
  return now < graceUntilMs && !wasOnline ? graceUntilMs : seen.sinceMs + policy.suspicionMs;
}

/** At once after a long life or the first quick death; then 1 s, 2 s, 4 s, … up to a minute. */
function onDeath(attempt: AgentAttempt | undefined, seen: StepMemory, now: number): AgentDecision {
  if (attempt === undefined) return { do: 'claim', attempt: 1, quickDeaths: 0 };
  const livedMs = now - Date.parse(attempt.at);
  const quickDeaths =
    livedMs < QUICK_DEATH_MS + crashPauseMs(attempt.quickDeaths) ? attempt.quickDeaths + 1 : 0;
  const readyMs = seen.sinceMs + crashPauseMs(quickDeaths);
  return now < readyMs
    ? { do: 'sleep', untilMs: readyMs }
    : { do: 'claim', attempt: attempt.attempt + 1, quickDeaths };
}

/** The pause before the start that follows the n-th quick death in a row. */
export function crashPauseMs(quickDeaths: number): number {
  return quickDeaths < 2 ? 0 : Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** Math.min(quickDeaths - 2, 10));
}
