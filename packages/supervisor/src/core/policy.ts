/** Times and bounds of reconciliation. All in milliseconds. */
export interface ReconcilePolicy {
  /** A claimed attempt may take so long to its first status. Default 15 000. */
  readonly startGraceMs: number;
  /** How long a session that another supervisor accepted may stay unclaimed. Default 500. */
  readonly adoptMs: number;
  /** After a Will: how long the instance may take to come back by itself before it is probed. Default 100. */
  readonly suspicionMs: number;
  /** Between two probes of one suspect. Default 150. */
  readonly probeGapMs: number;
  /** Misses in a row that make a suspect dead. Default 2. */
  readonly missesToDeath: number;
  /** An instance that says nothing is probed so often: a broker that restarts sends no Wills. Default 30 000. */
  readonly livenessMs: number;
  /** After the deadline: how long instances have to end by themselves. Default 2 000. */
  readonly deadlineGraceMs: number;
  /** False spawns a step only when its needs have ended: no process waits, each hand-over costs a spawn. Default true,
   * unless the spawner starts at once. */
  readonly spawnAhead: boolean;
}

/** The times of a supervisor that is given none; each field as its default says. */
export const DEFAULT_POLICY: ReconcilePolicy = {
  startGraceMs: 15_000,
  adoptMs: 500,
  suspicionMs: 100,
  probeGapMs: 150,
  missesToDeath: 2,
  livenessMs: 30_000,
  deadlineGraceMs: 2_000,
  spawnAhead: true,
};
