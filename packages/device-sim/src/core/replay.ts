import { PUMP_CHANNELS } from './channels.ts';
import { inRange } from './faults.ts';
import { uniform } from './random.ts';
import type { Recording } from './skab-csv.ts';
import type { Bearing, DeviceSample, DeviceSource, MachineDescription } from './source.ts';
import type { RecordedWaveform } from './waveform-manifest.ts';

/**
 * At the last row: `end` stops the device, `loop` goes on at the first row of the stretch (values jump there), `mirror` plays it
 * backwards and forwards, without a jump.
 */
export type AtEnd = 'end' | 'loop' | 'mirror';

export interface ReplayOptions {
  readonly recording: Recording;
  /** First row of the stretch to play. Default 0. */
  readonly fromRow?: number;
  /** Row after the last. Default: the end of the recording. */
  readonly toRow?: number;
  /** Default `end`. */
  readonly atEnd?: AtEnd;
  readonly bearing: Bearing;
  readonly healthyWaveform: RecordedWaveform;
  /** Given by the tool from the row `faultAtRow` on. */
  readonly faulty?: {
    readonly waveform: RecordedWaveform;
    readonly faultAtRow: number;
    readonly name: string;
  };
  /** Chooses the stretch of the waveform for each capture. Default 1. */
  readonly seed?: number;
}

export interface ReplayState {
  readonly index: number;
}

/**
 * A recorded pump: telemetry from one recording, vibration waveforms from others. A recording does not obey: a setpoint is kept
 * and reported, and the values stay as they were recorded.
 */
export function replaySource(options: ReplayOptions): DeviceSource<ReplayState> {
  const { recording, atEnd = 'end' } = options;
  const fromRow = options.fromRow ?? 0;
  const toRow = options.toRow ?? recording.rows.length;
  inRange('fromRow', fromRow, 0, recording.rows.length - 1);
  inRange('toRow', toRow, fromRow + 1, recording.rows.length);
  const description = describeReplay(options);
  const rowAt = (index: number): number | undefined => positionAt(index, toRow - fromRow, atEnd, fromRow);
  return {
    description,
    initial: () => ({ index: 0 }),
    next: (state) => {
      const row = rowAt(state.index);
      if (row === undefined) return undefined;
      return { state: { index: state.index + 1 }, sample: sampleAt(options, state.index, row) };
    },
    waveform: (state, _setpoint, seconds, capture) => {
      inRange('seconds', seconds, 0.01, description.maxCaptureSeconds);
      const row = rowAt(Math.max(0, state.index - 1)) ?? toRow - 1;
      const { faulty } = options;
      const chosen =
        faulty !== undefined && row >= faulty.faultAtRow ? faulty.waveform : options.healthyWaveform;
      return stretch(chosen, seconds, uniform(options.seed ?? 1, state.index, capture));
    },
  };
}

/** The row of the n-th sample; undefined after the end. */
export function positionAt(index: number, length: number, atEnd: AtEnd, fromRow = 0): number | undefined {
  if (index < length) return fromRow + index;
  if (atEnd === 'end') return undefined;
  if (atEnd === 'loop' || length === 1) return fromRow + (index % length);
  const period = 2 * (length - 1);
  const phase = index % period;
  return fromRow + (phase < length ? phase : period - phase);
}

function sampleAt(options: ReplayOptions, index: number, row: number): DeviceSample {
  const { channels, anomaly = false } = options.recording.rows[row]!;
  const { faulty } = options;
  const faults = faulty !== undefined && row >= faulty.faultAtRow ? [faulty.name] : [];
  return { index, channels, truth: { anomaly, faults } };
}

/** `position` in [0, 1) places the stretch in the recording. */
function stretch(
  { entry, samples }: RecordedWaveform,
  seconds: number,
  position: number,
): ReturnType<DeviceSource['waveform']> {
  const wanted = Math.min(samples.length, Math.round(seconds * entry.sampleRateHz));
  const first = Math.floor(position * (samples.length - wanted + 1));
  return {
    samples: samples.slice(first, first + wanted),
    sampleRateHz: entry.sampleRateHz,
    shaftRpm: entry.shaftRpm,
    unit: 'g',
  };
}

function describeReplay(options: ReplayOptions): MachineDescription {
  const { healthyWaveform, faulty, bearing } = options;
  const waveforms = [healthyWaveform, ...(faulty === undefined ? [] : [faulty.waveform])];
  const nominalRpm = healthyWaveform.entry.shaftRpm;
  return {
    type: 'pump',
    kind: 'replay',
    // Not the names of the files: the waveforms' names tell the fault.
    origin:
      `Replay of recordings: telemetry of a pump test bed, vibration waveforms of a motor bearing (${bearing.designation}); two ` +
      'different machines. A setpoint is kept and reported, but cannot change what was recorded.',
    channels: PUMP_CHANNELS,
    bearing,
    nominalRpm,
    minRpm: Math.round(0.3 * nominalRpm),
    maxRpm: Math.round(1.1 * nominalRpm),
    setpointEffect: 'recorded-only',
    maxCaptureSeconds: Math.min(
      ...waveforms.map((waveform) => waveform.samples.length / waveform.entry.sampleRateHz),
    ),
  };
}
