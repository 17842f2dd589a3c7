/** Choosing recordings by what they show instead of by their names. Pure. */
import { firstAnomaly, type Recording } from './skab-csv.ts';

export interface Shift {
  readonly recording: Recording;
  /** The first anomalous row. */
  readonly startsAtRow: number;
  /** How far the channels move while the anomaly lasts, in standard deviations of the first rows; the strongest channel. */
  readonly deviations: number;
}

/** The rows that a detector may learn from before anything happens: the protocol of the benchmark. */
export const LEARNING_ROWS = 400;

/**
 * How much `channels` rise (`direction` 1) or fall (-1) while the recording is labelled as anomalous. Undefined without labels, or
 * when the anomaly begins before there was time to learn.
 */
export function labelledShift(
  recording: Recording,
  channels: readonly string[],
  direction: 1 | -1,
): Shift | undefined {
  const startsAtRow = firstAnomaly(recording);
  if (startsAtRow === undefined || startsAtRow < LEARNING_ROWS) return undefined;
  let deviations = -Infinity;
  for (const channel of channels) {
    const learnt = statistics(recording, channel, (_row, index) => index < LEARNING_ROWS);
    const anomalous = statistics(recording, channel, (row) => row.anomaly === true);
    const shift = (direction * (anomalous.mean - learnt.mean)) / Math.max(learnt.deviation, 1e-9);
    deviations = Math.max(deviations, shift);
  }
  return { recording, startsAtRow, deviations };
}

/** The recording in which the channels move most; undefined when in none they move by `leastDeviations`. */
export function clearestShift(
  recordings: readonly Recording[],
  channels: readonly string[],
  direction: 1 | -1,
  leastDeviations = 3,
): Shift | undefined {
  let best: Shift | undefined;
  for (const recording of recordings) {
    const shift = labelledShift(recording, channels, direction);
    if (shift === undefined || shift.deviations < leastDeviations) continue;
    if (best === undefined || shift.deviations > best.deviations) best = shift;
  }
  return best;
}

function statistics(
  recording: Recording,
  channel: string,
  takes: (row: Recording['rows'][number], index: number) => boolean,
): { readonly mean: number; readonly deviation: number } {
  const values: number[] = [];
  for (const [index, row] of recording.rows.entries()) {
    const value = row.channels[channel];
    if (typeof value === 'number' && takes(row, index)) values.push(value);
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length);
  return { mean, deviation: Math.sqrt(square) };
}
