import { DeviceAgentError } from '../../errors.ts';
import { advanceAlarm, noteRise } from './alarm.ts';
import { fitBaseline, noiseOf, type Baseline } from './baseline.ts';
import { noChange, noteChange, type ChannelChange } from './change-points.ts';
import { Deviations } from './deviations.ts';
import { findDrifts } from './drift.ts';
import type { Judgement, SensorFault } from './judgement.ts';
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

const MAX_ROWS = 128;
/** Numbers of all rows together: what keeps the state of a wide device small. */
const MAX_ROW_NUMBERS = 1600;
/** Enough for statistics; all seventeen would double the state that is written while learning. */
const ROW_DIGITS = 9;
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
  readonly #deviations: Deviations;
  #changes: ChannelChange[];
  #samples = 0;
  #learnedSamples = 0;
  #lastAtMs: number | null = null;
  #learning: LearningState | null;
  #baseline: Baseline | null = null;
  #alarm: AlarmState = {
    on: false,
    peak: 0,
    risingSinceMs: null,
    risingSamples: 0,
    driftingSinceMs: [],
    settling: null,
  };

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
      intervalsMs: [],
      channels: channels.map(() => ({
        differenceSum: 0,
        differences: 0,
        present: 0,
        changes: 0,
        longestRun: 0,
      })),
    };
    this.#alarm.driftingSinceMs = channels.map(() => null);
    this.#deviations = new Deviations(channels.length);
    this.#changes = channels.map(noChange);
  }

  /** Throws `invalid-state`. */
  static restore(saved: unknown): StreamingDetector {
    const state = parseDetectorState(saved);
    const detector = new StreamingDetector(state.channels, state.options);
    state.live.forEach((live, index) => Object.assign(detector.#live[index]!, live));
    detector.#samples = state.samples;
    detector.#learnedSamples = state.learnedSamples;
    detector.#lastAtMs = state.lastAtMs;
    detector.#learning = state.learning;
    detector.#baseline = state.baseline;
    detector.#alarm = state.alarm;
    detector.#changes = [...state.changes];
    return detector;
  }

  /** All that a successor needs, as JSON under 64 kB: see `restore`. */
  state(): DetectorState {
    return structuredClone({
      schemaVersion: 1,
      channels: this.channels,
      options: this.options,
      samples: this.#samples,
      learnedSamples: this.#learnedSamples,
      lastAtMs: this.#lastAtMs,
      live: this.#live,
      learning: this.#learning,
      baseline: this.#baseline,
      alarm: this.#alarm,
      changes: this.#changes,
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
    const elapsedMs = this.#lastAtMs === null ? 0 : atMs - this.#lastAtMs;
    this.#lastAtMs = atMs;
    if (this.#learning !== null) return this.#learn(this.#learning, elapsedMs);
    return this.#judge(this.#baseline!, atMs, elapsedMs);
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

  #learn(learning: LearningState, elapsedMs: number): Judgement {
    const skip = Math.min(60, Math.floor(this.options.learnSamples * 0.15));
    if (this.#learnedSamples >= skip && (this.#learnedSamples - skip) % learning.stride === 0) {
      learning.rows.push(
        this.#live.map(({ level }) => (level === null ? null : Number(level.toPrecision(ROW_DIGITS)))),
      );
      learning.intervalsMs.push(elapsedMs);
      if (learning.rows.length > Math.min(MAX_ROWS, Math.floor(MAX_ROW_NUMBERS / this.channels.length))) {
        learning.rows = learning.rows.filter((_, index) => index % 2 === 0);
        learning.intervalsMs = learning.intervalsMs.filter((_, index) => index % 2 === 0);
        learning.stride *= 2;
      }
    }
    this.#learnedSamples++;
    if (this.#learnedSamples >= this.options.learnSamples) {
      const rows = learning.rows.map((row) => row.map((level) => level ?? Number.NaN));
      this.#baseline = fitBaseline(rows, learning.channels, learning.intervalsMs, this.options);
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
      drifts: [],
    };
  }

  #judge(baseline: Baseline, atMs: number, elapsedMs: number): Judgement {
    const sensorFaults = this.#findSensorFaults(baseline);
    const broken = new Set(sensorFaults.map(({ channel }) => channel));
    const levels = this.#live.map(({ level }, i) => (broken.has(this.channels[i]!) ? null : level));
    const score = this.#deviations.score(baseline, levels) / this.options.threshold;
    this.#noteChanges(baseline, levels, atMs);
    const alarm = this.#alarm;
    noteRise(alarm, score, atMs);
    advanceAlarm(alarm, score, stepsIn(elapsedMs, baseline.intervalMs), this.options, baseline, (rate) =>
      this.#follow(baseline, rate),
    );
    return {
      phase: 'judging',
      score,
      anomalous: alarm.on,
      sinceMs: alarm.on ? alarm.risingSinceMs : null,
      risingSamples: alarm.on ? alarm.risingSamples : 0,
      contributions: alarm.on
        ? this.#deviations.contributions(baseline, levels, this.channels, this.#changes, this.options)
        : [],
      sensorFaults,
      drifts: findDrifts(alarm, baseline, this.channels, this.options, atMs),
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

  #noteChanges(baseline: Baseline, levels: readonly (number | null)[], atMs: number): void {
    for (let i = 0; i < levels.length; i++) {
      const level = levels[i]!;
      if (level === null || !baseline.known[i]) continue;
      const deviation = (level - baseline.center[i]!) / (baseline.scale[i]! * this.options.threshold);
      noteChange(this.#changes[i]!, deviation, atMs);
    }
  }

  /** Moves the typical levels towards the present ones. */
  #follow(baseline: Baseline, rate: number): void {
    for (let i = 0; i < this.#live.length; i++) {
      const level = this.#live[i]!.level;
      if (level !== null && this.#live[i]!.missing === 0)
        baseline.center[i]! += rate * (level - baseline.center[i]!);
    }
  }
}

/** Sampling intervals that went by. Times rounded to whole intervals skip one now and then, and a clock may be set back. */
function stepsIn(elapsedMs: number, intervalMs = Infinity): number {
  const steps = Math.round(elapsedMs / intervalMs);
  return steps > 2 ? steps : 1;
}
