export interface BackoffRange {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

/**
 * Milliseconds before the next attempt: doubles from `minDelayMs` to `maxDelayMs`, then ±20 %, so that a fleet that lost its
 * broker does not come back all at once. `failures` counts the attempts since the last good connection; `random` is in [0, 1).
 */
export function backoffDelayMs(range: BackoffRange, failures: number, random: number): number {
  const base = Math.min(range.maxDelayMs, range.minDelayMs * 2 ** Math.min(failures, 30));
  return Math.round(base * (0.8 + 0.4 * random));
}
