import type { AgentPresence, Evidence, PresenceMemory, PresencePolicy } from './presence.ts';
import type { SleepSchedule } from './sleep-schedule.ts';
import { plannedWakeMs } from './sleep-schedule.ts';

export interface JudgeContext {
  /** The wall clock. */
  readonly nowMs: number;
  readonly policy: PresencePolicy;
  /** What the agent's card declares. */
  readonly sleep?: SleepSchedule | undefined;
  /** Until then the broker may have restarted a moment ago, and nobody is called offline. */
  readonly graceUntilMs?: number | undefined;
  readonly canProbe: boolean;
}

type Status = Extract<Evidence, { kind: 'status' }>;

const NOBODY: PresenceMemory = {
  state: 'unknown',
  source: 'agent',
  reason: 'its card does not say',
  sinceMs: Number.NaN,
  told: 'unknown',
  misses: 0,
  losses: [],
};

/**
 * Weighs one piece of evidence against what is known. News beats what was known before, and what is only repeated is no news: a status
 * that a card has said already never overrules a probe or a reply that came after it (profile: Presence Subscriber 2; reference A13).
 * A goodbye counts at once; a loss makes a suspect first, and only silence makes it offline.
 */
export function judge(
  known: PresenceMemory | undefined,
  evidence: Evidence,
  cx: JudgeContext,
): PresenceMemory {
  const after = weigh(known, evidence, cx);
  if (known !== undefined && known.state === after.state) return after;
  const changedMs = isWitnessed(known, evidence) ? cx.nowMs : undefined;
  return after.changedMs === changedMs ? after : { ...after, changedMs };
}

/** Whether the evidence tells of a change as it happens, and not of one that came about before it was looked at. */
function isWitnessed(known: PresenceMemory | undefined, evidence: Evidence): boolean {
  if (evidence.kind === 'status') return evidence.live;
  return evidence.kind !== 'missing' && known !== undefined && known.state !== 'unknown';
}

function weigh(known: PresenceMemory | undefined, evidence: Evidence, cx: JudgeContext): PresenceMemory {
  const before = known ?? NOBODY;
  switch (evidence.kind) {
    case 'status':
      return judgeStatus(known, evidence, cx);
    case 'reply':
      return hear(before, 'reply', 'it sent a message', cx);
    case 'unanswered':
      return before.state === 'online'
        ? suspect(before, 'request', 'a request to it was not answered', cx, cx.nowMs + cx.policy.hearsayMs)
        : before;
    case 'probe':
      return evidence.outcome === 'answered'
        ? hear(before, 'probe', 'it answered a probe', cx)
        : missProbe(before, evidence.outcome, cx);
    case 'missing':
      return before.source === 'snapshot'
        ? before
        : suspect(before, 'snapshot', 'the broker does not hold its card any more', cx, earliestOffline(cx));
    default:
      return known?.deadlineMs === undefined || cx.nowMs < known.deadlineMs ? before : judgeTime(known, cx);
  }
}

export function describePresence(memory: PresenceMemory): AgentPresence {
  const { state, source, reason, sinceMs, changedMs, untilMs, lastSeenMs } = memory;
  return {
    state,
    source,
    reason,
    since: iso(sinceMs),
    ...(changedMs === undefined ? {} : { changedAt: iso(changedMs) }),
    ...(state === 'asleep' && untilMs !== undefined ? { until: iso(untilMs) } : {}),
    ...(lastSeenMs === undefined ? {} : { lastSeen: iso(lastSeenMs) }),
  };
}

function judgeStatus(known: PresenceMemory | undefined, evidence: Status, cx: JudgeContext): PresenceMemory {
  const { status, source, authority, live, asleepUntilMs } = evidence;
  const before: PresenceMemory = { ...(known ?? NOBODY), told: status };
  if (asleepUntilMs !== undefined && asleepUntilMs > cx.nowMs)
    return sleep(before, asleepUntilMs, source, 'it said that it sleeps', cx);
  const isNews = known === undefined || live || known.told !== status || known.source === 'snapshot';
  if (!isNews) return known;
  switch (status) {
    case 'online': {
      const seen = live || authority === 'broker' ? { ...before, lastSeenMs: cx.nowMs } : before;
      return alive(seen, source, authority === 'broker' ? 'the broker says so' : 'its card says so', cx);
    }
    case 'unknown':
      return settle(before, 'unknown', source, 'its card does not say', cx);
    default:
      return judgeOffline(known, before, evidence, cx);
  }
}

function judgeOffline(
  known: PresenceMemory | undefined,
  before: PresenceMemory,
  { source, authority, live }: Status,
  cx: JudgeContext,
): PresenceMemory {
  const reason =
    authority === 'agent'
      ? 'it said goodbye'
      : authority === 'lwt'
        ? 'its will was sent'
        : 'the broker says so';
  const isLoss = authority !== 'agent' && (known !== undefined || live);
  if (!isLoss) return away(before, source, reason, cx);
  if (before.state === 'offline' || before.state === 'asleep') return before;
  const losses = [...before.losses, cx.nowMs].slice(-cx.policy.flapLosses);
  const lost = { ...before, losses };
  return plannedWakeMs(cx.sleep ?? {}, cx.nowMs, before.lastSeenMs) === undefined
    ? suspect(lost, source, reason, cx, earliestOffline(cx))
    : away(lost, source, reason, cx);
}

/** A sign of life. Holds back who came and went too often. */
function alive(before: PresenceMemory, source: string, reason: string, cx: JudgeContext): PresenceMemory {
  const { losses } = before;
  const { flapLosses, flapWindowMs, flapHoldMs } = cx.policy;
  const [first = 0, last = 0] = [losses[0], losses.at(-1)];
  const flaps = losses.length >= flapLosses && last - first <= flapWindowMs && cx.nowMs < last + flapHoldMs;
  if (!flaps) return settle(before, 'online', source, reason, cx, 0);
  const why = `it was lost ${losses.length} times within ${Math.ceil((last - first) / 1000)} s`;
  return { ...settle(before, 'suspect', 'damping', why, cx), misses: 0, deadlineMs: last + flapHoldMs };
}

/** A message of the agent itself. Against a card that says offline it counts for a while only: nobody will tell when it ends. */
function hear(before: PresenceMemory, source: string, reason: string, cx: JudgeContext): PresenceMemory {
  const seen = { ...before, lastSeenMs: cx.nowMs };
  if (before.told === 'offline')
    return withDeadline(alive(seen, source, reason, cx), cx.nowMs + cx.policy.hearsayMs);
  return before.state === 'online'
    ? { ...seen, misses: 0, probeAtMs: undefined }
    : alive(seen, source, reason, cx);
}

function missProbe(before: PresenceMemory, outcome: 'silent' | 'nobody', cx: JudgeContext): PresenceMemory {
  const { policy, nowMs } = cx;
  if (before.state === 'asleep') return { ...before, probeAtMs: undefined };
  const misses = before.misses + 1;
  const reason =
    outcome === 'nobody' ? 'nobody subscribes to its requests' : `it did not answer ${misses} probes in time`;
  const missed = { ...before, misses };
  if (before.state === 'offline') return { ...missed, probeAtMs: reprobeAt(missed, cx) };
  const decided = misses >= policy.probeMisses && nowMs >= (cx.graceUntilMs ?? 0);
  if (decided) return { ...away(missed, 'probe', reason, cx), probeAtMs: reprobeAt(missed, cx) };
  // A grace may be long, and many agents may be in it: ask less and less often.
  const waitMs = Math.min(policy.probeIntervalMs * 2 ** (misses - 1), policy.reprobeMs);
  const probeAtMs = cx.canProbe ? nowMs + waitMs : undefined;
  if (before.state === 'suspect' && before.source !== 'damping') return { ...missed, probeAtMs };
  return { ...suspect(missed, 'probe', reason, cx), probeAtMs };
}

function judgeTime(known: PresenceMemory, cx: JudgeContext): PresenceMemory {
  const { nowMs, policy } = cx;
  const { state, source, told } = known;
  if (state === 'asleep') {
    const wakeMs = plannedWakeMs(cx.sleep ?? {}, nowMs, known.lastSeenMs);
    return wakeMs === undefined
      ? suspect(known, 'schedule', 'it did not wake up in time', cx, earliestOffline(cx))
      : sleep(known, wakeMs, 'schedule', known.reason, cx);
  }
  if (state === 'online' && told === 'offline') {
    const reason = 'its card says offline, and it was not heard of for a while';
    return suspect(known, 'reply', reason, cx, earliestOffline(cx));
  }
  if (state !== 'suspect') return withDeadline(known, undefined);
  if (source === 'damping') {
    const steady = settle(known, 'online', 'agent', 'it has been steady for a while', cx);
    return told === 'offline' ? withDeadline(steady, nowMs + policy.hearsayMs) : steady;
  }
  if (nowMs < (cx.graceUntilMs ?? 0)) return withDeadline(known, cx.graceUntilMs);
  if (told === 'online' && source !== 'schedule' && source !== 'snapshot') {
    if (source === 'request' || !cx.canProbe)
      return settle(known, 'online', 'agent', 'its card says so, and nobody complained again', cx);
    return { ...known, deadlineMs: nowMs + policy.reprobeMs, probeAtMs: nowMs };
  }
  return away(known, source, `${known.reason}, and nothing was heard of it since`, cx);
}

/** Offline, or asleep when its card says that it may be. */
function away(before: PresenceMemory, source: string, reason: string, cx: JudgeContext): PresenceMemory {
  const wakeMs =
    before.source === 'schedule' ? undefined : plannedWakeMs(cx.sleep ?? {}, cx.nowMs, before.lastSeenMs);
  return wakeMs === undefined
    ? settle(before, 'offline', source, reason, cx)
    : sleep(before, wakeMs, 'schedule', `${reason}, as its card lets expect`, cx);
}

function sleep(
  before: PresenceMemory,
  untilMs: number,
  source: string,
  reason: string,
  cx: JudgeContext,
): PresenceMemory {
  const deadlineMs = untilMs + cx.policy.wakeGraceMs;
  return { ...settle(before, 'asleep', source, reason, cx), untilMs, deadlineMs, misses: 0 };
}

function suspect(
  before: PresenceMemory,
  source: string,
  reason: string,
  cx: JudgeContext,
  deadlineMs = cx.nowMs + cx.policy.reprobeMs,
): PresenceMemory {
  const misses = before.state === 'suspect' || source === 'probe' ? before.misses : 0;
  const probeAtMs = cx.canProbe ? cx.nowMs : undefined;
  return { ...settle(before, 'suspect', source, reason, cx), misses, deadlineMs, probeAtMs };
}

function settle(
  before: PresenceMemory,
  state: PresenceMemory['state'],
  source: string,
  reason: string,
  cx: JudgeContext,
  misses = before.misses,
): PresenceMemory {
  const isSame = before.state === state && !Number.isNaN(before.sinceMs);
  // Field by field: this is done for every card of a snapshot, and a spread costs several times as much.
  return {
    state,
    source,
    reason,
    sinceMs: isSame ? before.sinceMs : cx.nowMs,
    changedMs: before.changedMs,
    untilMs: undefined,
    lastSeenMs: before.lastSeenMs,
    told: before.told,
    misses,
    losses: before.losses,
    deadlineMs: undefined,
    probeAtMs: undefined,
  };
}

function withDeadline(memory: PresenceMemory, deadlineMs: number | undefined): PresenceMemory {
  return memory.source === 'damping' ? memory : { ...memory, deadlineMs };
}

function earliestOffline({ nowMs, policy, graceUntilMs = 0 }: JudgeContext): number {
  return Math.max(nowMs + policy.offlineAfterMs, graceUntilMs);
}

/** An agent whose card goes on saying that it is online will not tell when it answers again. */
function reprobeAt({ told }: PresenceMemory, { canProbe, nowMs, policy }: JudgeContext): number | undefined {
  return canProbe && told === 'online' ? nowMs + policy.reprobeMs : undefined;
}

let isoOfMs = Number.NaN;
let isoText = '';

/** Many agents become known within one millisecond. */
function iso(ms: number): string {
  if (ms !== isoOfMs) {
    isoOfMs = ms;
    isoText = new Date(ms).toISOString();
  }
  return isoText;
}
