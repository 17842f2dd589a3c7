import { DeviceAgentError } from '../../errors.ts';
import type { Baseline, ChannelLearning } from './baseline.ts';
import { noChange, type ChannelChange } from './change-points.ts';
import { MAX_CHANNELS, resolveDetectorOptions, type ResolvedDetectorOptions } from './options.ts';

/** What one channel is doing now. `null`: nothing seen yet. */
export interface ChannelLive {
  last: number | null;
  previous: number | null;
  level: number | null;
  /** Consecutive samples with the same value. */
  run: number;
  /** Consecutive samples without a value. */
  missing: number;
  /** When the present run or gap began, milliseconds since 1970. */
  unchangedSinceMs: number;
}

export interface LearningState {
  /** Every `stride`-th row of levels; thinned out when full, so that memory is fixed whatever the warm-up. */
  rows: (number | null)[][];
  stride: number;
  channels: ChannelLearning[];
  /** Milliseconds since the sample before, as many as rows. */
  intervalsMs: number[];
}

export interface AlarmState {
  on: boolean;
  peak: number;
  /** When the score last rose above half of the threshold, and how many samples ago. */
  risingSinceMs: number | null;
  risingSamples: number;
  /** Per channel, since when it has drifted away from what was learned; null when it has not. */
  driftingSinceMs: (number | null)[];
  /** Samples left in which the baseline follows the level after a recovery or a gap, and what to fall back to. */
  settling: { samplesLeft: number; scoreLimit: number; center: number[]; afterGap: boolean } | null;
}

/** Everything a successor needs to go on as if nothing had happened. Plain JSON, under 64 kB. */
export interface DetectorState {
  readonly schemaVersion: 1;
  readonly channels: readonly string[];
  readonly options: ResolvedDetectorOptions;
  readonly samples: number;
  readonly learnedSamples: number;
  /** Time of the last sample, milliseconds since 1970; null before the first, and in a state saved by a version without it. */
  readonly lastAtMs: number | null;
  readonly live: readonly ChannelLive[];
  readonly learning: LearningState | null;
  readonly baseline: Baseline | null;
  readonly alarm: AlarmState;
  /** One for each channel. A state that was saved without them begins anew with none. */
  readonly changes: readonly ChannelChange[];
}

/** Reads a saved state; throws `invalid-state` naming the field. Unknown fields are ignored. */
export function parseDetectorState(value: unknown): DetectorState {
  const state = record(value, 'state');
  if (state['schemaVersion'] !== 1) {
    throw invalid('schemaVersion', `1, not ${String(state['schemaVersion'])}`);
  }
  const channels = array(state['channels'], 'channels');
  if (
    channels.length === 0 ||
    channels.length > MAX_CHANNELS ||
    !channels.every((c) => typeof c === 'string')
  ) {
    throw invalid('channels', `1 to ${MAX_CHANNELS} names`);
  }
  const n = channels.length;
  const options = resolveDetectorOptions(record(state['options'], 'options'));
  for (const field of ['samples', 'learnedSamples']) count(state[field], field);
  const live = array(state['live'], 'live', n);
  live.forEach((channel, index) => checkLive(record(channel, `live/${index}`), `live/${index}`));
  checkAlarm(record(state['alarm'], 'alarm'), n);
  const learning = state['learning'] === null ? null : readLearning(state['learning'], n);
  if (state['baseline'] !== null) checkBaseline(record(state['baseline'], 'baseline'), n);
  if ((state['learning'] === null) === (state['baseline'] === null)) {
    throw invalid('baseline', 'present exactly when learning is null');
  }
  const changes = state['changes'] ?? channels.map(noChange);
  array(changes, 'changes', n).forEach((change, index) =>
    checkChange(record(change, `changes/${index}`), index),
  );
  const lastAtMs = state['lastAtMs'] ?? null;
  if (lastAtMs !== null) finite(lastAtMs, 'lastAtMs');
  return structuredClone({ ...state, options, learning, changes, lastAtMs }) as unknown as DetectorState;
}

function checkLive(channel: Record<string, unknown>, field: string): void {
  for (const name of ['last', 'previous', 'level']) {
    if (channel[name] !== null) finite(channel[name], `${field}/${name}`);
  }
  for (const name of ['run', 'missing', 'unchangedSinceMs']) finite(channel[name], `${field}/${name}`);
}

function checkChange(change: Record<string, unknown>, index: number): void {
  for (const name of ['up', 'down']) finite(change[name], `changes/${index}/${name}`);
  for (const name of ['upSinceMs', 'downSinceMs']) {
    if (change[name] !== null) finite(change[name], `changes/${index}/${name}`);
  }
}

function checkAlarm(alarm: Record<string, unknown>, n: number): void {
  if (typeof alarm['on'] !== 'boolean') throw invalid('alarm/on', 'true or false');
  finite(alarm['peak'], 'alarm/peak');
  finite(alarm['risingSamples'], 'alarm/risingSamples');
  if (alarm['risingSinceMs'] !== null) finite(alarm['risingSinceMs'], 'alarm/risingSinceMs');
  array(alarm['driftingSinceMs'], 'alarm/driftingSinceMs', n).forEach((since, index) => {
    if (since !== null) finite(since, `alarm/driftingSinceMs/${index}`);
  });
  if (alarm['settling'] === null) return;
  const settling = record(alarm['settling'], 'alarm/settling');
  finite(settling['samplesLeft'], 'alarm/settling/samplesLeft');
  finite(settling['scoreLimit'], 'alarm/settling/scoreLimit');
  numbers(settling['center'], 'alarm/settling/center', n);
}

function readLearning(value: unknown, n: number): Record<string, unknown> {
  const learning = record(value, 'learning');
  count(learning['stride'], 'learning/stride');
  array(learning['rows'], 'learning/rows').forEach((row, index) => {
    array(row, `learning/rows/${index}`, n).forEach((level, channel) => {
      if (level !== null) finite(level, `learning/rows/${index}/${channel}`);
    });
  });
  array(learning['channels'], 'learning/channels', n).forEach((channel, index) => {
    const fields = record(channel, `learning/channels/${index}`);
    for (const name of ['differenceSum', 'differences', 'present', 'changes', 'longestRun']) {
      finite(fields[name], `learning/channels/${index}/${name}`);
    }
  });
  const intervalsMs = array(learning['intervalsMs'] ?? [], 'learning/intervalsMs');
  intervalsMs.forEach((interval, index) => finite(interval, `learning/intervalsMs/${index}`));
  return { ...learning, intervalsMs };
}

function checkBaseline(baseline: Record<string, unknown>, n: number): void {
  for (const name of ['center', 'anchor', 'scale', 'wander', 'noise', 'longestRun']) {
    numbers(baseline[name], `baseline/${name}`, n);
  }
  numbers(baseline['precision'], 'baseline/precision', n * n);
  if (baseline['intervalMs'] !== undefined) finite(baseline['intervalMs'], 'baseline/intervalMs');
  if (!array(baseline['known'], 'baseline/known', n).every((known) => typeof known === 'boolean')) {
    throw invalid('baseline/known', 'true or false per channel');
  }
}

function invalid(field: string, expected: string): DeviceAgentError {
  return new DeviceAgentError('invalid-state', `detector state: ${field} must be ${expected}`);
}

function record(value: unknown, field: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(field, 'an object');
  return value as Record<string, unknown>;
}

function array(value: unknown, field: string, length?: number): unknown[] {
  if (!Array.isArray(value) || (length !== undefined && value.length !== length)) {
    throw invalid(field, length === undefined ? 'an array' : `an array of ${length}`);
  }
  return value;
}

function numbers(value: unknown, field: string, length: number): void {
  array(value, field, length).forEach((item, index) => finite(item, `${field}/${index}`));
}

function finite(value: unknown, field: string): void {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw invalid(field, 'a finite number');
}

function count(value: unknown, field: string): void {
  if (!Number.isInteger(value) || (value as number) < 0) throw invalid(field, 'a whole number from 0');
}
