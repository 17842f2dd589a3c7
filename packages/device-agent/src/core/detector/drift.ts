import type { Baseline } from './baseline.ts';
import type { Drift } from './judgement.ts';
import type { ResolvedDetectorOptions } from './options.ts';
import type { AlarmState } from './state.ts';

/** A channel that strayed more than this in the warm-up may stray afterwards. */
const STEADY_WANDER = 3;
const RELEASE_SHARE = 0.75;

/** The channels whose baseline has followed them too far. Changes `alarm.driftingSinceMs`. */
export function findDrifts(
  alarm: AlarmState,
  baseline: Baseline,
  channels: readonly string[],
  { threshold, driftScore }: ResolvedDetectorOptions,
  atMs: number,
): Drift[] {
  if (driftScore === 0) return [];
  const drifts: Drift[] = [];
  for (let i = 0; i < channels.length; i++) {
    if (!baseline.known[i] || baseline.wander[i]! > STEADY_WANDER) continue;
    const deviation = (baseline.center[i]! - baseline.anchor[i]!) / (baseline.scale[i]! * threshold);
    const since = alarm.driftingSinceMs[i]!;
    if (Math.abs(deviation) < (since === null ? driftScore : RELEASE_SHARE * driftScore)) {
      alarm.driftingSinceMs[i] = null;
      continue;
    }
    alarm.driftingSinceMs[i] = since ?? atMs;
    drifts.push({
      channel: channels[i]!,
      learned: baseline.anchor[i]!,
      now: baseline.center[i]!,
      deviation,
      sinceMs: since ?? atMs,
    });
  }
  return drifts.sort((a, b) => Math.abs(b.deviation) - Math.abs(a.deviation));
}
