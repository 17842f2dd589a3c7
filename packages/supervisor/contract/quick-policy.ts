/** Quick for tests, in the same proportions as the defaults. */
export const QUICK = {
  startGraceMs: 1_500,
  suspicionMs: 20,
  probeGapMs: 30,
  livenessMs: 1_000,
  deadlineGraceMs: 200,
  adoptMs: 200,
} as const;
