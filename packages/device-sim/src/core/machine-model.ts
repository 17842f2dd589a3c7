import { assertFaults, faultLevels, inRange, type Fault, type FaultLevels } from './faults.ts';
import {
  followSetpoint,
  measure,
  truthAt,
  vibrationParts,
  type Reading,
  type StuckValues,
} from './machine.ts';
import { hash32 } from './random.ts';
import type { DeviceSource, MachineDescription } from './source.ts';
import { synthesizeVibration } from './vibration.ts';

export interface MachineModelOptions {
  readonly seed: number;
  readonly faults?: readonly Fault[];
  /** Device time between samples. Default 1. */
  readonly secondsPerSample?: number;
}

export interface MachineState {
  readonly index: number;
  readonly rpm: number;
  readonly stuck: StuckValues;
}

/** At one moment: the speed as a part of the nominal one, and how far each fault has come. */
export interface Moment {
  readonly ratio: number;
  readonly levels: FaultLevels;
  readonly seconds: number;
}

/** What tells one kind of rotating machine from another. */
export interface MachineModel<State extends MachineState> {
  readonly description: Omit<
    MachineDescription,
    'kind' | 'minRpm' | 'maxRpm' | 'setpointEffect' | 'maxCaptureSeconds'
  >;
  /** Healthy vibration at the drive end at the nominal speed, g RMS. */
  readonly baseVibration: number;
  /** Of the structure that bearing defects ring. Unset: what `synthesizeVibration` takes. */
  readonly resonanceHz?: number;
  readonly initial: Omit<State, keyof MachineState>;
  /** What the sensors would read without noise, and what the machine keeps until the next sample. */
  advance(
    state: State,
    moment: Moment,
  ): { readonly readings: Readonly<Record<string, Reading>>; readonly kept: Omit<State, keyof MachineState> };
}

const SAMPLE_RATE_HZ = 12_000;

/** A model as a source: it follows its setpoint, has sensors with noise and faults, and shakes as they say. */
export function machineSource<State extends MachineState>(
  { seed, faults = [], secondsPerSample = 1 }: MachineModelOptions,
  model: MachineModel<State>,
): DeviceSource<State> {
  const { type, nominalRpm, channels: specs, bearing } = model.description;
  inRange('nominalRpm', nominalRpm, 100, 10_000);
  assertFaults(type, specs, faults);
  const description: MachineDescription = {
    ...model.description,
    kind: 'model',
    minRpm: Math.round(0.3 * nominalRpm),
    maxRpm: Math.round(1.1 * nominalRpm),
    setpointEffect: 'model',
    maxCaptureSeconds: 10,
  };
  return {
    description,
    initial: () => ({ index: 0, rpm: nominalRpm, ...model.initial, stuck: {} }) as unknown as State,
    next: (state, setpoint) => {
      const { index } = state;
      const rpm = followSetpoint(state.rpm, setpoint, secondsPerSample);
      const { readings, kept } = model.advance(state, {
        ratio: rpm / nominalRpm,
        levels: faultLevels(faults, index),
        seconds: secondsPerSample,
      });
      const { channels, stuck } = measure(readings, specs, { seed, index, faults, stuck: state.stuck });
      return {
        state: { index: index + 1, rpm, ...kept, stuck } as unknown as State,
        sample: { index, channels, truth: truthAt(faults, index) },
      };
    },
    waveform: (state, _setpoint, seconds, capture) => {
      inRange('seconds', seconds, 0.01, description.maxCaptureSeconds);
      const levels = faultLevels(faults, Math.max(0, state.index - 1));
      const samples = synthesizeVibration({
        seed: hash32(seed, state.index, capture),
        sampleRateHz: SAMPLE_RATE_HZ,
        samples: Math.round(seconds * SAMPLE_RATE_HZ),
        shaftRpm: state.rpm,
        bearing,
        parts: vibrationParts(model.baseVibration, state.rpm / nominalRpm, levels),
        ...(model.resonanceHz === undefined ? {} : { resonanceHz: model.resonanceHz }),
      });
      return { samples, sampleRateHz: SAMPLE_RATE_HZ, shaftRpm: state.rpm, unit: 'g' };
    },
  };
}
