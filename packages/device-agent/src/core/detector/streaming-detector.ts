import { DeviceAgentError } from '../../errors.ts';
import { fitBaseline, noiseOf, type Baseline } from './baseline.ts';
import {
  MAX_CHANNELS,
  resolveDetectorOptions,
  type DetectorOptions,
  type ResolvedDetectorOptions,
} from './options.ts';
import {
  parseDetectorState,
  type AlarmState,
  type ChannelLive,
  type DetectorState,
  type LearningState,
} from './state.ts';
import { median3 } from './statistics.ts';

/** A channel that speaks for the anomaly. */
export interface Contribution {
  readonly channel: string;
  /** Smoothed level now, in the unit of the channel. */
  readonly level: number;
  /** What the level should be, given the other channels. */
  readonly expected: number;
  /** Where the level lies while nothing is wrong. */
  readonly normalRange: readonly [low: number, high: number];
  /** Distance from what is expected, signed; ±1 is the threshold. */
  readonly deviation: number;
}

export interface SensorFault {
  readonly channel: string;
  readonly fault: 'missing' | 'stuck';
  readonly sinceMs: number;
}

export interface Judgement {
  readonly phase: 'learning' | 'judging';
  /** Largest deviation of a channel; 1 is the threshold. 0 while learning. */
  readonly score: number;
  readonly anomalous: boolean;
  /** Start of the excursion that made the sample anomalous, milliseconds since 1970. */
  readonly sinceMs: number | null;
  /** Samples since then. A drift grows over many, a break over few. */
  readonly risingSamples: number;
  /** Strongest first; empty unless anomalous. */
  readonly contributions: readonly Contribution[];
  /** A broken sensor is no anomaly of the machine: it is reported here and left out of the score. */
  readonly sensorFaults: readonly SensorFault[];
}

const MAX_ROWS = 128;
/** Numbers of all rows together: what keeps the state of a wide device small. */
const MAX_ROW_NUMBERS = 1600;
const LARGE_PEAK_SCORE = 3;
const RISING_SCORE = 0.5;
const SETTLE_RATE = 0.1;
const MIN_STUCK_SAMPLES = 30;
const SPIKE_NOISES = 8;
const SPIKE_AFTER_SAMPLES = 10;

/**
 * Learns what several channels of one device look like together, then judges each sample. Memory is fixed; `state()` restores
 * bit for bit. See the README for the method.
 */
export class StreamingDetector {
  readonly channels: readonly string[];
  readonly options: ResolvedDetectorOptions;
  readonly #live: ChannelLive[];
  readonly #deviations: Float64Array;
  readonly #adjusted: Float64Array;
  #samples = 0;
  #learnedSamples = 0;
  #learning: LearningState | null;
  #baseline: Baseline | null = null;
  #alarm: AlarmState = { on: false, peak: 0, risingSinceMs: null, risingSamples: 0, settling: null };

  constructor(channels: readonly string[], options: DetectorOptions = {}) {
    if (channels.length > MAX_CHANNELS) {
      throw new DeviceAgentError(
        'too-many-channels',
        `a detector keeps at most ${MAX_CHANNELS} channels, not ${channels.length}`,
      );
    }
    if (channels.length === 0 || new Set(channels).size !== channels.length) {
      throw new DeviceAgentError('invalid-option', 'channels must be at least one name, each once');
    }
    this.channels = [...channels];
    this.options = resolveDetectorOptions(options);
    this.#live = channels.map(() => ({
      last: null,
      previous: null,
      level: null,
      run: 0,
      missing: 0,
      unchangedSinceMs: 0,
    }));
    this.#learning = {
      rows: [],
      stride: 1,
      channels: channels.map(() => ({
        differenceSum: 0,
        differences: 0,
        present: 0,
        changes: 0,
        longestRun: 0,
      })),
    };
    this.#deviations = new Float64Array(channels.length);
    this.#adjusted = new Float64Array(channels.length);
  }

  /** Throws `invalid-state`. */
  static restore(saved: unknown): StreamingDetector {
    const state = parseDetectorState(saved);
    const detector = new StreamingDetector(state.channels, state.options);
    state.live.forEach((live, index) => Object.assign(detector.#live[index]!, live));
    detector.#samples = state.samples;
    detector.#learnedSamples = state.learnedSamples;
    detector.#learning = state.learning;
    detector.#baseline = state.baseline;
    detector.#alarm = state.alarm;
    return detector;
  }

  state(): DetectorState {
    return structuredClone({
      schemaVersion: 1,
      channels: this.channels,
      options: this.options,
      samples: this.#samples,
      learnedSamples: this.#learnedSamples,
      live: this.#live,
      learning: this.#learning,
      baseline: this.#baseline,
      alarm: this.#alarm,
    } as const);
  }

  get samples(): number {
    return this.#samples;
  }

  get learnedSamples(): number {
    return this.#learnedSamples;
  }

  /** Undefined while learning. */
  get baseline(): Baseline | undefined {
    return this.#baseline ?? undefined;
  }

  /** `values` in the order of `channels`; anything but a finite number is a missing value. */
  push(values: readonly unknown[], atMs: number): Judgement {
    this.#samples++;
    for (let i = 0; i < this.#live.length; i++) this.#take(i, values[i], atMs);
    if (this.#learning !== null) return this.#learn(this.#learning);
    return this.#judge(this.#baseline!, atMs);
  }

  #take(index: number, value: unknown, atMs: number): void {
    const live = this.#live[index]!;
    const learning = this.#learning?.channels[index];
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      if (live.missing++ === 0) live.unchangedSinceMs = atMs;
      return;
    }
    if (learning !== undefined) {
      learning.present++;
      if (live.last !== null && live.missing === 0) {
        learning.differenceSum += Math.abs(value - live.last);
        learning.differences++;
      }
      if (live.last !== null && value !== live.last) learning.changes++;
    }
    const repeated = value === live.last && live.missing === 0;
    live.run = repeated ? live.run + 1 : 1;
    if (!repeated) live.unchangedSinceMs = atMs;
    if (learning !== undefined) learning.longestRun = Math.max(learning.longestRun, live.run);
    live.missing = 0;
    const kept = this.#withoutSpike(index, value);
    live.previous = live.last;
    live.last = value;
    live.level = live.level === null ? kept : live.level + this.options.smoothing * (kept - live.level);
  }

  /** A lone value far from both of its predecessors counts as a glitch; a step passes one sample later. */
  #withoutSpike(index: number, value: number): number {
    const { last, previous } = this.#live[index]!;
    const learning = this.#learning?.channels[index];
    if (
      last === null ||
      previous === null ||
      (learning?.differences ?? SPIKE_AFTER_SAMPLES) < SPIKE_AFTER_SAMPLES
    )
      return value;
    const noise = learning === undefined ? this.#baseline!.noise[index]! : noiseOf(learning);
    const middle = median3(value, last, previous);
    return noise > 0 && Math.abs(value - middle) > SPIKE_NOISES * noise ? middle : value;
  }

  #learn(learning: LearningState): Judgement {
    const skip = Math.min(60, Math.floor(this.options.learnSamples * 0.15));
    if (this.#learnedSamples >= skip && (this.#learnedSamples - skip) % learning.stride === 0) {
      learning.rows.push(this.#live.map((live) => live.level));
      if (learning.rows.length > Math.min(MAX_ROWS, Math.floor(MAX_ROW_NUMBERS / this.channels.length))) {
        learning.rows = learning.rows.filter((_, index) => index % 2 === 0);
        learning.stride *= 2;
      }
    }
    this.#learnedSamples++;
    if (this.#learnedSamples >= this.options.learnSamples) {
      const rows = learning.rows.map((row) => row.map((level) => level ?? Number.NaN));
      this.#baseline = fitBaseline(rows, learning.channels, this.options);
      this.#learning = null;
    }
    return {
      phase: 'learning',
      score: 0,
      anomalous: false,
      sinceMs: null,
      risingSamples: 0,
      contributions: [],
      sensorFaults: [],
    };
  }

  #judge(baseline: Baseline, atMs: number): Judgement {
    const sensorFaults = this.#findSensorFaults(baseline);
    const score = this.#score(baseline, sensorFaults);
    const alarm = this.#alarm;
    if (score < RISING_SCORE && !alarm.on) {
      alarm.risingSinceMs = null;
      alarm.risingSamples = 0;
    } else {
      alarm.risingSinceMs ??= atMs;
      alarm.risingSamples++;
    }
    this.#advance(baseline, score);
    return {
      phase: 'judging',
      score,
      anomalous: alarm.on,
      sinceMs: alarm.on ? alarm.risingSinceMs : null,
      risingSamples: alarm.on ? alarm.risingSamples : 0,
      contributions: alarm.on ? this.#contributions(baseline) : [],
      sensorFaults,
    };
  }

  #findSensorFaults(baseline: Baseline): SensorFault[] {
    const faults: SensorFault[] = [];
    for (let i = 0; i < this.#live.length; i++) {
      const live = this.#live[i]!;
      const longest = baseline.longestRun[i]!;
      const stuckAfter = Math.max(MIN_STUCK_SAMPLES, this.options.stuckFactor * longest);
      if (live.missing >= this.options.missingAfterSamples) {
        faults.push({ channel: this.channels[i]!, fault: 'missing', sinceMs: live.unchangedSinceMs });
      } else if (longest > 0 && live.run >= stuckAfter) {
        faults.push({ channel: this.channels[i]!, fault: 'stuck', sinceMs: live.unchangedSinceMs });
      }
    }
    return faults;
  }

  /**
   * Each channel's deviation from what the others let expect (regression-adjusted variables, Hawkins 1991). A channel that is
   * not known or whose sensor is broken is given the value that the others predict, so that it says nothing.
   */
  #score(baseline: Baseline, faults: readonly SensorFault[]): number {
    const n = this.channels.length;
    const u = this.#deviations;
    const absent: number[] = [];
    for (let i = 0; i < n; i++) {
      const level = this.#live[i]!.level;
      const broken = faults.some((fault) => fault.channel === this.channels[i]);
      if (level === null || !baseline.known[i] || broken) {
        u[i] = 0;
        absent.push(i);
      } else u[i] = (level - baseline.center[i]!) / baseline.scale[i]!;
    }
    for (let sweep = 0; absent.length > 0 && sweep < 4; sweep++) {
      for (const i of absent) u[i] = u[i]! - this.#row(baseline, i) / baseline.precision[i * n + i]!;
    }
    let largest = 0;
    for (let i = 0; i < n; i++) {
      this.#adjusted[i] = this.#row(baseline, i) / Math.sqrt(baseline.precision[i * n + i]!);
      if (!absent.includes(i)) largest = Math.max(largest, Math.abs(this.#adjusted[i]!));
    }
    return largest / this.options.threshold;
  }

  #row(baseline: Baseline, index: number): number {
    const offset = index * this.channels.length;
    let sum = 0;
    for (let k = 0; k < this.channels.length; k++)
      sum += baseline.precision[offset + k]! * this.#deviations[k]!;
    return sum;
  }

  #advance(baseline: Baseline, score: number): void {
    const alarm = this.#alarm;
    const { options } = this;
    if (alarm.settling !== null) return this.#settle(baseline, score, alarm.settling);
    if (!alarm.on) {
      if (score > 1) {
        alarm.on = true;
        alarm.peak = score;
      } else this.#follow(baseline, options.adaptation);
      return;
    }
    alarm.peak = Math.max(alarm.peak, score);
    if (score < options.releaseScore) alarm.on = false;
    else if (score < options.recoveryShare * alarm.peak && alarm.peak > LARGE_PEAK_SCORE) {
      alarm.on = false;
      alarm.settling = {
        samplesLeft: options.settleSamples,
        scoreLimit: 2 * score,
        center: [...baseline.center],
      };
      this.#follow(baseline, 1);
    }
  }

  /** The machine came back near to normal: follow it to its new level, unless it leaves again. */
  #settle(baseline: Baseline, score: number, settling: NonNullable<AlarmState['settling']>): void {
    const alarm = this.#alarm;
    settling.samplesLeft--;
    if (score > settling.scoreLimit) {
      settling.center.forEach((center, i) => (baseline.center[i] = center));
      alarm.on = true;
      alarm.settling = null;
      return;
    }
    this.#follow(baseline, SETTLE_RATE);
    if (settling.samplesLeft <= 0) alarm.settling = null;
  }

  #follow(baseline: Baseline, rate: number): void {
    for (let i = 0; i < this.#live.length; i++) {
      const level = this.#live[i]!.level;
      if (level !== null && this.#live[i]!.missing === 0)
        baseline.center[i]! += rate * (level - baseline.center[i]!);
    }
  }

  #contributions(baseline: Baseline): Contribution[] {
    const { threshold, releaseScore } = this.options;
    const n = this.channels.length;
    const found: Contribution[] = [];
    for (let i = 0; i < n; i++) {
      const deviation = this.#adjusted[i]! / threshold;
      if (Math.abs(deviation) < Math.min(releaseScore, 1) || this.#live[i]!.level === null) continue;
      const [center, scale] = [baseline.center[i]!, baseline.scale[i]!];
      const gap = (this.#adjusted[i]! / Math.sqrt(baseline.precision[i * n + i]!)) * scale;
      found.push({
        channel: this.channels[i]!,
        level: this.#live[i]!.level!,
        expected: this.#live[i]!.level! - gap,
        normalRange: [center - scale * threshold, center + scale * threshold],
        deviation,
      });
    }
    // A channel far out drags along those that it is correlated with: where some left their range, only they speak.
    const outside = found.filter(({ level, normalRange: [low, high] }) => level < low || level > high);
    return (outside.length > 0 ? outside : found).sort(
      (a, b) => Math.abs(b.deviation) - Math.abs(a.deviation),
    );
  }
}
