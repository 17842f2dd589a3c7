/** Where the two one-sided cumulative sums of a channel stand (Page 1954): its last change is where the sum that grew left zero. */
export interface ChannelChange {
  up: number;
  /** When `up` last left zero, milliseconds since 1970; null while it is zero. */
  upSinceMs: number | null;
  down: number;
  downSinceMs: number | null;
}

/** Deviation that counts for nothing, in thresholds: half of the shift that is worth knowing about. */
const ALLOWANCE = 0.25;
/** A sum stops here, so that it is back at zero soon after the channel is. */
const CEILING = 20;

export const noChange = (): ChannelChange => ({ up: 0, upSinceMs: null, down: 0, downSinceMs: null });

/** `deviation`: of the channel from its typical level, 1 is the threshold. Changes `change`. */
export function noteChange(change: ChannelChange, deviation: number, atMs: number): void {
  change.up = Math.min(CEILING, Math.max(0, change.up + deviation - ALLOWANCE));
  change.down = Math.min(CEILING, Math.max(0, change.down - deviation - ALLOWANCE));
  change.upSinceMs = change.up === 0 ? null : (change.upSinceMs ?? atMs);
  change.downSinceMs = change.down === 0 ? null : (change.downSinceMs ?? atMs);
}

/** When the channel began to go where it is now; null when it is about where it belongs. */
export function changedSinceMs({ up, upSinceMs, down, downSinceMs }: ChannelChange): number | null {
  return up >= down ? upSinceMs : downSinceMs;
}
