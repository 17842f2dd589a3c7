/** What is known about whether an agent is there, and what can be learnt about it. */

export const PRESENCE_STATES = ['online', 'suspect', 'asleep', 'offline', 'unknown'] as const;

/**
 * `online`: it is there, as far as is known. `suspect`: something speaks against it and is being looked into. `asleep`: away as it said it
 * would be, see `until`. `offline`: it said goodbye, or it was lost and nothing speaks for it. `unknown`: its card tells nothing.
 */
export type PresenceState = (typeof PRESENCE_STATES)[number];

export interface AgentPresence {
  /** Advisory: suspect, probe, then act (profile: Presence Subscriber 2). */
  readonly state: PresenceState;
  /**
   * Who says so. Of the card: `agent`, `lwt`, `broker`, or what else was sent. Found out here: `reply`, `probe`, `request` (a request
   * was not answered), `schedule` (sleep), `snapshot` (its card is gone), `damping` (it came and went too often).
   */
  readonly source: string;
  /** In words. */
  readonly reason: string;
  /** When this state was first seen here: ISO 8601, UTC. Not when it came about: a retained card does not tell. */
  readonly since: string;
  /**
   * When it came into this state, if that was seen here: a message told it as it happened, or it was found out here. ISO 8601, UTC. Unset:
   * it was so when its card was read, and how long it had been so nobody tells.
   */
  readonly changedAt?: string;
  /** `asleep`: when it should be back. ISO 8601, UTC. */
  readonly until?: string;
  /** When it last gave a sign of life that reached us. ISO 8601, UTC. Unset: never. */
  readonly lastSeen?: string;
}

/** All times in milliseconds. */
export interface PresencePolicy {
  /** From the news of a loss to `offline`, unless a sign of life comes or probes decide earlier. */
  readonly offlineAfterMs: number;
  /** After a broker may have restarted, nobody becomes offline for this long: agents need it to come back. */
  readonly restartGraceMs: number;
  /** How late an agent may wake up. */
  readonly wakeGraceMs: number;
  /** Probes without an answer that make an agent offline. */
  readonly probeMisses: number;
  /** Between two probes of a suspect. */
  readonly probeIntervalMs: number;
  /** Between two probes of an agent that answers none although its card says that it is online. */
  readonly reprobeMs: number;
  /** A reply of an agent whose card says offline counts for this long. A complaint about an agent that says it is online too. */
  readonly hearsayMs: number;
  /** Losses within `flapWindowMs` from which on an agent is held `suspect`... */
  readonly flapLosses: number;
  readonly flapWindowMs: number;
  /** ...until it was not lost for this long. */
  readonly flapHoldMs: number;
}

/** Offline after 5 s without a sign of life, 15 s of mercy after a restart of the broker, two unanswered probes. */
export const DEFAULT_PRESENCE_POLICY: PresencePolicy = {
  offlineAfterMs: 5_000,
  restartGraceMs: 15_000,
  wakeGraceMs: 30_000,
  probeMisses: 2,
  probeIntervalMs: 1_000,
  reprobeMs: 30_000,
  hearsayMs: 60_000,
  flapLosses: 4,
  flapWindowMs: 60_000,
  flapHoldMs: 30_000,
};

export type Evidence =
  /** What a discovery message says. `live`: it was published now, not kept. `asleepUntilMs`: the agent said so with it. */
  | {
      readonly kind: 'status';
      readonly status: 'online' | 'offline' | 'unknown';
      readonly source: string;
      readonly authority: 'agent' | 'lwt' | 'broker';
      readonly live: boolean;
      readonly asleepUntilMs?: number | undefined;
    }
  /** Anything that the agent itself sent. */
  | { readonly kind: 'reply' }
  /** A request to it was not answered in time. */
  | { readonly kind: 'unanswered' }
  /** `nobody`: the broker says that nobody subscribes to its requests. `silent`: no answer in time. */
  | { readonly kind: 'probe'; readonly outcome: 'answered' | 'silent' | 'nobody' }
  /** A complete snapshot does not hold its card. */
  | { readonly kind: 'missing' }
  /** A deadline came. */
  | { readonly kind: 'time' };

/** What is remembered of one agent. Times are of the wall clock, in milliseconds. */
export interface PresenceMemory {
  readonly state: PresenceState;
  readonly source: string;
  readonly reason: string;
  readonly sinceMs: number;
  /** When it came into this state, if that was seen. */
  readonly changedMs?: number | undefined;
  readonly untilMs?: number | undefined;
  readonly lastSeenMs?: number | undefined;
  /** What its card said last. */
  readonly told: 'online' | 'offline' | 'unknown';
  /** The agent gave a sign of life, or none was wanted, since the card said what it says. */
  readonly misses: number;
  readonly losses: readonly number[];
  /** When to think again without news. */
  readonly deadlineMs?: number | undefined;
  /** When to probe it. */
  readonly probeAtMs?: number | undefined;
}
