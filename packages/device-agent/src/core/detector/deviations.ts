import type { Baseline } from './baseline.ts';
import { changedSinceMs, type ChannelChange } from './change-points.ts';
import type { Contribution } from './judgement.ts';
import type { ResolvedDetectorOptions } from './options.ts';

/**
 * Each channel's deviation from what the others let expect (regression-adjusted variables, Hawkins 1991). Keeps its working memory,
 * so that judging a sample allocates little.
 */
export class Deviations {
  readonly #own: Float64Array;
  readonly #adjusted: Float64Array;

  constructor(channels: number) {
    this.#own = new Float64Array(channels);
    this.#adjusted = new Float64Array(channels);
  }

  /**
   * The largest adjusted deviation. A channel without a level, or that the baseline does not know, is given the value that the
   * others predict, so that it says nothing.
   */
  score(baseline: Baseline, levels: readonly (number | null)[]): number {
    const n = this.#own.length;
    const absent: number[] = [];
    for (let i = 0; i < n; i++) {
      const level = levels[i]!;
      if (level === null || !baseline.known[i]) {
        this.#own[i] = 0;
        absent.push(i);
      } else this.#own[i] = (level - baseline.center[i]!) / baseline.scale[i]!;
    }
    for (let sweep = 0; absent.length > 0 && sweep < PREDICTION_SWEEPS; sweep++) {
      for (const i of absent) this.#own[i]! -= this.#row(baseline, i) / baseline.precision[i * n + i]!;
    }
    let largest = 0;
    for (let i = 0; i < n; i++) {
      this.#adjusted[i] = absent.includes(i)
        ? 0
        : this.#row(baseline, i) / Math.sqrt(baseline.precision[i * n + i]!);
      largest = Math.max(largest, Math.abs(this.#adjusted[i]!));
    }
    return largest;
  }

  /** The channels that speak for an anomaly, of the levels that were scored last. */
  contributions(
    baseline: Baseline,
    levels: readonly (number | null)[],
    channels: readonly string[],
    changes: readonly ChannelChange[],
    { threshold, releaseScore }: ResolvedDetectorOptions,
  ): Contribution[] {
    const found = channels.flatMap((channel, i): Contribution[] => {
      const level = levels[i]!;
      const deviation = this.#adjusted[i]! / threshold;
      if (level === null || Math.abs(deviation) < releaseScore) return [];
      const [center, scale] = [baseline.center[i]!, baseline.scale[i]!];
      const gap = (this.#adjusted[i]! / Math.sqrt(baseline.precision[i * channels.length + i]!)) * scale;
      const normalRange = [center - scale * threshold, center + scale * threshold] as const;
      const sinceMs = changedSinceMs(changes[i]!);
      return [{ channel, level, expected: level - gap, normalRange, deviation, sinceMs }];
    });
    // A channel far out drags along those that it is correlated with: where some left their range, only they speak.
    const outside = found.filter(({ level, normalRange: [low, high] }) => level < low || level > high);
    const speaking = outside.length > 0 ? outside : found;
    return speaking.sort((a, b) => Math.abs(b.deviation) - Math.abs(a.deviation));
  }

  #row(baseline: Baseline, index: number): number {
    const n = this.#own.length;
    let sum = 0;
    for (let k = 0; k < n; k++) sum += baseline.precision[index * n + k]! * this.#own[k]!;
    return sum;
  }
}

const PREDICTION_SWEEPS = 4;
