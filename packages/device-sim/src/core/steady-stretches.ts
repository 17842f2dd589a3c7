/** Finding where a recorded machine ran steadily. Pure. */
import { LEARNING_ROWS } from './choose-recording.ts';
import type { Recording } from './skab-csv.ts';

/** Rows between candidates, and of the blocks whose means are compared. */
const STEP_ROWS = 50;

/**
 * The first rows of the `count` steadiest stretches, in the order of the recording; fewer when it is too short. A stretch is as
 * steady as its least steady channel, measured in standard deviations of the stretch's first rows. Stretches overlap only when there is no room for `count` of them side by side.
 */
export function steadyStretches(recording: Recording, count: number, lengthRows: number): number[] {
  const channels = Object.keys(recording.rows[0]?.channels ?? {}).map((name) => new Sums(recording, name));
  const candidates: { readonly fromRow: number; readonly worst: number }[] = [];
  for (let fromRow = 0; fromRow + lengthRows <= recording.rows.length; fromRow += STEP_ROWS) {
    const worst = Math.max(...channels.map((sums) => unsteadiness(sums, fromRow, lengthRows)));
    candidates.push({ fromRow, worst });
  }
  candidates.sort((a, b) => a.worst - b.worst);
  for (let distance = lengthRows; ; distance = Math.floor(distance / 2)) {
    const chosen: number[] = [];
    for (const { fromRow } of candidates) {
      if (chosen.length === count) break;
      if (chosen.every((other) => Math.abs(other - fromRow) >= distance)) chosen.push(fromRow);
    }
    if (chosen.length === Math.min(count, candidates.length) || distance === 0)
      return chosen.sort((a, b) => a - b);
  }
}

/** Steps count in full, a slow drift (a fluid that warms up) for a third: over hours it is what a healthy machine does. */
const DRIFT_SHARE = 0.3;

function unsteadiness(sums: Sums, fromRow: number, lengthRows: number): number {
  const learnt = sums.between(fromRow, fromRow + Math.min(LEARNING_ROWS, lengthRows));
  const scale = Math.max(learnt.deviation, 1e-9);
  let worst = 0;
  for (let row = fromRow; row + STEP_ROWS <= fromRow + lengthRows; row += STEP_ROWS) {
    const { mean } = sums.between(row, row + STEP_ROWS);
    const drift = Math.abs(mean - learnt.mean) / scale;
    const step = row === fromRow ? 0 : Math.abs(mean - sums.between(row - STEP_ROWS, row).mean) / scale;
    worst = Math.max(worst, step + DRIFT_SHARE * drift);
  }
  return worst;
}

/** Running sums of one channel: the mean and deviation of any stretch in constant time. */
class Sums {
  readonly #count: Float64Array;
  readonly #sum: Float64Array;
  readonly #square: Float64Array;

  constructor(recording: Recording, channel: string) {
    const { length } = recording.rows;
    [this.#count, this.#sum, this.#square] = [0, 1, 2].map(() => new Float64Array(length + 1)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    for (const [index, row] of recording.rows.entries()) {
      const value = row.channels[channel] ?? null;
      this.#count[index + 1] = this.#count[index]! + (value === null ? 0 : 1);
      this.#sum[index + 1] = this.#sum[index]! + (value ?? 0);
      this.#square[index + 1] = this.#square[index]! + (value ?? 0) ** 2;
    }
  }

  between(fromRow: number, toRow: number): { readonly mean: number; readonly deviation: number } {
    const count = Math.max(1, this.#count[toRow]! - this.#count[fromRow]!);
    const mean = (this.#sum[toRow]! - this.#sum[fromRow]!) / count;
    const variance = (this.#square[toRow]! - this.#square[fromRow]!) / count - mean * mean;
    return { mean, deviation: Math.sqrt(Math.max(0, variance)) };
  }
}
