import type { ResolvedDetectorOptions } from './options.ts';
import { correlation, invertPositiveDefinite, quantileOfSorted, sorted } from './statistics.ts';

/** What normal looked like, one entry per channel. All that judging needs; the warm-up rows are dropped. */
export interface Baseline {
  /** Typical level, in the unit of the channel. Follows slow change while nothing is wrong. */
  readonly center: number[];
  /** `center` as it was learned: how far it has followed since then tells a drift. */
  readonly anchor: number[];
  /** One unit of deviation, in the unit of the channel: reach of the level in the warm-up, widened for wanderers. */
  readonly scale: number[];
  /** How far the level wandered in the warm-up, compared with what its noise explains; 1 is steady. */
  readonly wander: number[];
  /** Noise of a single sample (standard deviation), in the unit of the channel. */
  readonly noise: number[];
  /** False: too few samples in the warm-up to know this channel; it is not judged. */
  readonly known: boolean[];
  /** Longest run of one repeated value in the warm-up; 0 when the channel never changed. */
  readonly longestRun: number[];
  /** Inverse correlation of the levels, row-major: what each channel should be, given the others. */
  readonly precision: number[];
  /** Time between samples when none is lost, milliseconds; unset when the times of the warm-up do not tell. */
  readonly intervalMs?: number;
}

/** What the warm-up collects per channel besides the rows. */
export interface ChannelLearning {
  /** Sum of |difference| of consecutive samples, and their number. */
  differenceSum: number;
  differences: number;
  /** Samples that had a value. */
  present: number;
  changes: number;
  longestRun: number;
}

const GAUSS_FROM_MEAN_DIFFERENCE = Math.sqrt(Math.PI) / 2;
const NOISE_FLOOR_UNITS = 2.5;
/** A channel that never changed in the warm-up says nothing about its spread: allow this share of its value. */
const CONSTANT_TOLERANCE = 0.02;

/** Fits the baseline to the rows of smoothed levels (NaN where a channel had no level yet). */
export function fitBaseline(
  rows: readonly (readonly number[])[],
  learning: readonly ChannelLearning[],
  intervalsMs: readonly number[],
  options: ResolvedDetectorOptions,
): Baseline {
  const intervalMs = usualInterval(intervalsMs);
  const channels = learning.map((channel, index) => fitChannel(column(rows, index), channel, options));
  return {
    center: channels.map((c) => c.center),
    anchor: channels.map((c) => c.center),
    scale: channels.map((c) => c.scale),
    wander: channels.map((c) => c.wander),
    noise: channels.map((c) => c.noise),
    known: channels.map((c) => c.known),
    longestRun: learning.map((c) => (c.changes > 0 ? c.longestRun : 0)),
    precision: invertPositiveDefinite(correlations(rows, channels, options.shrinkage), channels.length),
    ...(intervalMs === undefined ? {} : { intervalMs }),
  };
}

/** The lower quartile: right though three of four samples were lost, and little moved by a few that came in a burst. */
function usualInterval(intervalsMs: readonly number[]): number | undefined {
  const forward = sorted(intervalsMs.filter((interval) => interval > 0));
  return forward.length < 5 ? undefined : quantileOfSorted(forward, 0.25);
}

/** Standard deviation of a single sample, from the differences of neighbours: slow change does not count. */
export function noiseOf(learning: ChannelLearning): number {
  return learning.differences === 0
    ? 0
    : (learning.differenceSum / learning.differences) * GAUSS_FROM_MEAN_DIFFERENCE;
}

interface ChannelFit {
  readonly center: number;
  readonly scale: number;
  readonly wander: number;
  readonly noise: number;
  readonly known: boolean;
}

function fitChannel(
  levels: readonly number[],
  learning: ChannelLearning,
  options: ResolvedDetectorOptions,
): ChannelFit {
  const values = sorted(levels.filter((level) => Number.isFinite(level)));
  if (values.length < 5 || learning.present < options.learnSamples / 2) {
    return { center: 0, scale: 1, wander: 1, noise: 0, known: false };
  }
  const center = quantileOfSorted(values, 0.5);
  const reach = quantileOfSorted(sorted(values.map((value) => Math.abs(value - center))), 0.98);
  const noise = noiseOf(learning);
  const levelNoise = noise * Math.sqrt(options.smoothing / (2 - options.smoothing));
  const halfWidth = (quantileOfSorted(values, 0.98) - quantileOfSorted(values, 0.02)) / 2;
  const wander = levelNoise > 0 ? Math.max(1, halfWidth / levelNoise / 2) : 1;
  const floor = learning.changes === 0 ? CONSTANT_TOLERANCE * Math.abs(center) : 0;
  const unit = Math.max(reach, NOISE_FLOOR_UNITS * levelNoise, floor, 1e-9 * Math.max(1, Math.abs(center)));
  return { center, scale: unit * wander ** options.wanderExponent, wander, noise, known: true };
}

function column(rows: readonly (readonly number[])[], index: number): number[] {
  return rows.map((row) => row[index]!);
}

function correlations(
  rows: readonly (readonly number[])[],
  channels: readonly ChannelFit[],
  shrinkage: number,
): number[] {
  const n = channels.length;
  const columns = channels.map((channel, index) =>
    column(rows, index).map((level) =>
      channel.known && Number.isFinite(level) ? level - channel.center : 0,
    ),
  );
  const matrix = Array.from<number>({ length: n * n }).fill(0);
  for (let a = 0; a < n; a++) {
    matrix[a * n + a] = 1;
    for (let b = 0; b < a; b++) {
      const value = (1 - shrinkage) * correlation(columns[a]!, columns[b]!);
      matrix[a * n + b] = value;
      matrix[b * n + a] = value;
    }
  }
  return matrix;
}
