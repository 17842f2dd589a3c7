import type { Baseline } from './baseline.ts';
import type { ResolvedDetectorOptions } from './options.ts';
import type { AlarmState } from './state.ts';

const LARGE_PEAK_SCORE = 3;
const RISING_SCORE = 0.5;
const SETTLE_RATE = 0.1;
/** After a gap a score up to this is slow change that nobody saw, and only what is above it is an anomaly. */
const GAP_SCORE_LIMIT = 2;
/** In time constants of the smoothing: 95 % of a step. */
const LEVEL_SETTLES = 3;
/** One sample after lost ones counts for at most this many: the level still stands for what was before them. */
const MAX_STEPS_AT_ONCE = 8;

/** Keeps since when the score has been on its way up. */
export function noteRise(alarm: AlarmState, score: number, atMs: number): void {
  if (score < RISING_SCORE && !alarm.on) {
    alarm.risingSinceMs = null;
    alarm.risingSamples = 0;
  } else {
    alarm.risingSinceMs ??= atMs;
    alarm.risingSamples++;
  }
}

/**
 * The flag with its hysteresis. `steps`: sampling intervals since the sample before, 1 when none was lost. `follow` moves the baseline
 * towards the present levels. Changes `alarm` and `baseline`.
 */
export function advanceAlarm(
  alarm: AlarmState,
  score: number,
  steps: number,
  options: ResolvedDetectorOptions,
  baseline: Baseline,
  follow: (rate: number) => void,
): void {
  if (!alarm.on && alarm.settling === null && options.adaptation * steps >= 1)
    waitAfterGap(alarm, options, baseline);
  if (alarm.settling !== null) return settle(alarm, alarm.settling, score, options, baseline, follow);
  if (!alarm.on) {
    if (score <= 1) return follow(1 - (1 - options.adaptation) ** Math.min(steps, MAX_STEPS_AT_ONCE));
    alarm.on = true;
    alarm.peak = score;
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
      afterGap: false,
    };
    follow(1);
  }
}

/** A gap as long as the baseline's memory: slow change went on unseen. Let the level settle, then look. */
function waitAfterGap(alarm: AlarmState, options: ResolvedDetectorOptions, baseline: Baseline): void {
  alarm.peak = 0;
  alarm.settling = {
    samplesLeft: options.settleSamples + Math.ceil(LEVEL_SETTLES / options.smoothing),
    scoreLimit: GAP_SCORE_LIMIT,
    center: [...baseline.center],
    afterGap: true,
  };
}

/** The machine came back near to normal: follow it to its new level, unless it leaves again. */
function settle(
  alarm: AlarmState,
  settling: NonNullable<AlarmState['settling']>,
  score: number,
  options: ResolvedDetectorOptions,
  baseline: Baseline,
  follow: (rate: number) => void,
): void {
  settling.samplesLeft--;
  if (score > settling.scoreLimit) {
    settling.center.forEach((center, i) => (baseline.center[i] = center));
    alarm.on = true;
    alarm.settling = null;
    return;
  }
  // Were the baseline to follow a level that is still on its way, the score would not show how far it goes.
  if (settling.afterGap && settling.samplesLeft >= options.settleSamples) return;
  follow(settling.afterGap && score < RISING_SCORE ? options.adaptation : SETTLE_RATE);
  if (settling.samplesLeft > 0) return;
  alarm.settling = null;
  // Gaps that come again must not hide a drift.
  if (settling.afterGap) return;
  // The level after a repair or a strong fault is what normal is now.
  baseline.center.forEach((center, i) => (baseline.anchor[i] = center));
}
