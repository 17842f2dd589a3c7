import { FAN_BEARING } from './bearings.ts';
import { HVAC_CHANNELS } from './channels.ts';
import { assertFaults, faultLevels, inRange, type Fault, type FaultLevels } from './faults.ts';
import {
  followSetpoint,
  lag,
  measure,
  totalRms,
  truthAt,
  vibrationParts,
  type Reading,
  type StuckValues,
} from './machine.ts';
import { hash32 } from './random.ts';
import type { DeviceSource, MachineDescription } from './source.ts';
import { synthesizeVibration } from './vibration.ts';

export interface HvacModelOptions {
  readonly seed: number;
  /** Of the fan. Default 1450. */
  readonly nominalRpm?: number;
  /** At the nominal speed with a clean filter, m³/h. Default 3600. */
  readonly nominalAirflow?: number;
  /** Healthy vibration at the drive end at the nominal speed, g RMS. Default 0.12. */
  readonly baseVibration?: number;
  /** Temperature that the cooling coil holds, °C. Default 16. */
  readonly supplyTarget?: number;
  readonly faults?: readonly Fault[];
  /** Device time between samples. Default 1. */
  readonly secondsPerSample?: number;
}

export interface HvacState {
  readonly index: number;
  readonly rpm: number;
  readonly supplyTemperature: number;
  readonly roomTemperature: number;
  readonly stuck: StuckValues;
}

const SAMPLE_RATE_HZ = 12_000;
/** At nominal airflow: what the fan overcomes in all, and in the clean filter, Pa. */
const [SYSTEM_PRESSURE, FILTER_PRESSURE] = [450, 90];

/** An air handling unit: fan on ducts and filter, cooling coil, a room that warms up. */
export function hvacModel(options: HvacModelOptions): DeviceSource<HvacState> {
  const { seed, faults = [], secondsPerSample = 1 } = options;
  const description = describeHvac(options);
  assertFaults('hvac', HVAC_CHANNELS, faults);
  return {
    description,
    initial: () => ({
      index: 0,
      rpm: description.nominalRpm,
      supplyTemperature: options.supplyTarget ?? 16,
      roomTemperature: 23,
      stuck: {},
    }),
    next: (state, setpoint) => {
      const { index } = state;
      const rpm = followSetpoint(state.rpm, setpoint, secondsPerSample);
      const ratio = rpm / description.nominalRpm;
      const levels = faultLevels(faults, index);
      const air = airAt(options, ratio, levels);
      const heat = warm(options, state, air.relative, levels, secondsPerSample);
      const readings = hvacReadings(options, ratio, levels, air, heat);
      const { channels, stuck } = measure(readings, HVAC_CHANNELS, {
        seed,
        index,
        faults,
        stuck: state.stuck,
      });
      return {
        state: { index: index + 1, rpm, ...heat, stuck },
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
        bearing: FAN_BEARING,
        parts: vibrationParts(options.baseVibration ?? 0.12, state.rpm / description.nominalRpm, levels),
        resonanceHz: 2600,
      });
      return { samples, sampleRateHz: SAMPLE_RATE_HZ, shaftRpm: state.rpm, unit: 'g' };
    },
  };
}

function describeHvac(options: HvacModelOptions): MachineDescription {
  const nominalRpm = options.nominalRpm ?? 1450;
  inRange('nominalRpm', nominalRpm, 100, 10_000);
  inRange('nominalAirflow', options.nominalAirflow ?? 3600, 100, 18_000);
  return {
    type: 'hvac',
    kind: 'model',
    origin:
      'Physical model of an air handling unit: fan laws, ducts and filter, cooling coil, room, vibration.',
    channels: HVAC_CHANNELS,
    bearing: FAN_BEARING,
    nominalRpm,
    minRpm: Math.round(0.3 * nominalRpm),
    maxRpm: Math.round(1.1 * nominalRpm),
    setpointEffect: 'model',
    maxCaptureSeconds: 10,
  };
}

interface Air {
  readonly airflow: number;
  /** Airflow as a part of the nominal one. */
  readonly relative: number;
  readonly filterPressureDrop: number;
}

/** Ducts and filter resist with the square of the flow; a clogged filter resists up to six times as much. */
function airAt(options: HvacModelOptions, ratio: number, levels: FaultLevels): Air {
  const clogging = 1 + 5 * levels['filter-clogging'];
  const resistance = (SYSTEM_PRESSURE - FILTER_PRESSURE + FILTER_PRESSURE * clogging) / SYSTEM_PRESSURE;
  const relative = ratio / Math.sqrt(resistance);
  return {
    airflow: (options.nominalAirflow ?? 3600) * relative,
    relative,
    filterPressureDrop: FILTER_PRESSURE * clogging * relative * relative,
  };
}

/** The coil cools as far as its valve lets it; the room takes up heat and gives it to the air. */
function warm(
  options: HvacModelOptions,
  state: HvacState,
  relative: number,
  levels: FaultLevels,
  seconds: number,
): Pick<HvacState, 'supplyTemperature' | 'roomTemperature'> {
  const target = options.supplyTarget ?? 16;
  const day = 0.2 * Math.sin((2 * Math.PI * state.index * seconds) / 7200);
  const reached = target + (state.roomTemperature - target) * 0.9 * levels['valve-closing'];
  const cooling = 7 * relative * ((state.roomTemperature - state.supplyTemperature) / 7);
  return {
    supplyTemperature: lag(
      state.supplyTemperature,
      relative < 0.02 ? state.roomTemperature : reached,
      60,
      seconds,
    ),
    roomTemperature: lag(state.roomTemperature, state.roomTemperature + 7 + day - cooling, 1800, seconds),
  };
}

function hvacReadings(
  options: HvacModelOptions,
  ratio: number,
  levels: FaultLevels,
  air: Air,
  heat: Pick<HvacState, 'supplyTemperature' | 'roomTemperature'>,
): Record<string, Reading> {
  const parts = vibrationParts(options.baseVibration ?? 0.12, ratio, levels);
  const driveEnd = totalRms(parts);
  const otherEnd = 1.1 * Math.hypot(parts.base, 0.8 * parts.imbalance) + 0.25 * (driveEnd - parts.base);
  // Fan laws: the power goes with the cube of the speed, and less air is less work.
  const current = ratio === 0 ? 0 : 1.1 + 3.1 * ratio * ratio * (0.4 + 0.6 * (air.relative / ratio));
  return {
    supplyTemperature: { value: heat.supplyTemperature, noise: 0.08 },
    returnTemperature: { value: heat.roomTemperature, noise: 0.08 },
    fanCurrent: { value: current, noise: 0.03 },
    filterPressureDrop: { value: air.filterPressureDrop, noise: 1.2 },
    airflow: { value: air.airflow, noise: 18 },
    vibration1: { value: driveEnd, noise: 0.012 * driveEnd },
    vibration2: { value: otherEnd, noise: 0.012 * otherEnd },
  };
}
