import type { Baseline } from './baseline.ts';
import type { ResolvedDetectorOptions } from './options.ts';
import type { AlarmState } from './state.ts';

const LARGE_PEAK_SCORE = 3;
const RISING_SCORE = 0.5;
const SETTLE_RATE = 0.1;

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

/** The flag with its hysteresis. `follow` moves the baseline towards the present levels. Changes `alarm` and `baseline`. */
export function advanceAlarm(
  alarm: AlarmState,
  score: number,
  options: ResolvedDetectorOptions,
  baseline: Baseline,
  follow: (rate: number) => void,
): void {
  if (alarm.settling !== null) return settle(alarm, alarm.settling, score, baseline, follow);
  if (!alarm.on) {
    if (score <= 1) return follow(options.adaptation);
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
    };
    follow(1);
  }
}

/** The machine came back near to normal: follow it to its new level, unless it leaves again. */
function settle(
  alarm: AlarmState,
  settling: NonNullable<AlarmState['settling']>,
  score: number,
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
  follow(SETTLE_RATE);
  if (settling.samplesLeft > 0) return;
  alarm.settling = null;
  // The level after a repair or a strong fault is what normal is now.
  baseline.center.forEach((center, i) => (baseline.anchor[i] = center));
}
