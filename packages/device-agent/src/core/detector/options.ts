import { DeviceAgentError } from '../../errors.ts';

export interface DetectorOptions {
  /** Samples of the warm-up; the detector judges nothing before. Default 400. */
  readonly learnSamples?: number;
  /** Weight of the newest sample in the smoothed level, 0..1. Default 0.12: about the last fifteen samples. */
  readonly smoothing?: number;
  /** Adjusted deviation at which a channel is anomalous; a score of 1. Default 2.6. */
  readonly threshold?: number;
  /** Score under which an anomaly ends. Default 0.8. */
  readonly releaseScore?: number;
  /**
   * An anomaly also ends when the score has fallen under this share of its peak and the peak was large (a score of 3): a machine
   * that comes back from a strong fault rarely returns to exactly where it was. The new level becomes the baseline. Default 0.1;
   * 0 turns it off.
   */
  readonly recoveryShare?: number;
  /** Samples in which the baseline follows the level after such a recovery. Default 60. */
  readonly settleSamples?: number;
  /** Share of the deviation by which the baseline follows the level per sample while nothing is wrong. Default 0.004. */
  readonly adaptation?: number;
  /**
   * A channel has drifted when its baseline followed it this many thresholds away from what was learned. Channels that wandered in
   * the warm-up are left out. Default 2; 0 turns it off.
   */
  readonly driftScore?: number;
  /** How much a channel that wanders in the warm-up is discounted: its scale is multiplied by wander^exponent. Default 0.45. */
  readonly wanderExponent?: number;
  /** Pull of the learned correlations towards independence, 0..1. Default 0.07. */
  readonly shrinkage?: number;
  /** Consecutive missing samples after which a sensor counts as missing. Default 10. */
  readonly missingAfterSamples?: number;
  /** A sensor is stuck when it repeats one value this many times longer than it ever did in the warm-up. Default 6. */
  readonly stuckFactor?: number;
}

export type ResolvedDetectorOptions = Required<DetectorOptions>;

export const MAX_CHANNELS = 48;

const RANGES: Record<
  keyof DetectorOptions,
  { readonly fallback: number; readonly min: number; readonly max: number }
> = {
  learnSamples: { fallback: 400, min: 40, max: 1_000_000 },
  smoothing: { fallback: 0.12, min: 0.001, max: 1 },
  threshold: { fallback: 2.6, min: 0.1, max: 1000 },
  releaseScore: { fallback: 0.8, min: 0, max: 1 },
  recoveryShare: { fallback: 0.1, min: 0, max: 0.9 },
  settleSamples: { fallback: 60, min: 1, max: 100_000 },
  adaptation: { fallback: 0.004, min: 0, max: 0.5 },
  driftScore: { fallback: 2, min: 0, max: 1000 },
  wanderExponent: { fallback: 0.45, min: 0, max: 4 },
  shrinkage: { fallback: 0.07, min: 0.001, max: 1 },
  missingAfterSamples: { fallback: 10, min: 1, max: 100_000 },
  stuckFactor: { fallback: 6, min: 1, max: 1000 },
};

export function resolveDetectorOptions(options: DetectorOptions): ResolvedDetectorOptions {
  const resolved: Partial<Record<keyof DetectorOptions, number>> = {};
  for (const [name, { fallback, min, max }] of Object.entries(RANGES) as [
    keyof DetectorOptions,
    typeof RANGES.threshold,
  ][]) {
    const value = options[name] ?? fallback;
    if (typeof value !== 'number' || !(value >= min && value <= max)) {
      throw new DeviceAgentError(
        'invalid-option',
        `${name} must be a number from ${min} to ${max}, not ${String(value)}`,
      );
    }
    resolved[name] = value;
  }
  return resolved as ResolvedDetectorOptions;
}
