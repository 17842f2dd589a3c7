import { FAN_BEARING } from './bearings.ts';
import { HVAC_CHANNELS } from './channels.ts';
import { inRange, type FaultLevels } from './faults.ts';
import { lag, totalRms, vibrationParts, type Reading } from './machine.ts';
import { machineSource, type MachineModelOptions, type MachineState } from './machine-model.ts';
import type { DeviceSource } from './source.ts';

export interface HvacModelOptions extends MachineModelOptions {
  /** Of the fan. Default 1450. */
  readonly nominalRpm?: number;
  /** At the nominal speed with a clean filter, m³/h. Default 3600. */
  readonly nominalAirflow?: number;
  /** Healthy vibration at the drive end at the nominal speed, g RMS. Default 0.12. */
  readonly baseVibration?: number;
  /** Temperature that the cooling coil holds, °C. Default 16. */
  readonly supplyTarget?: number;
}

export interface HvacState extends MachineState {
  readonly supplyTemperature: number;
  readonly roomTemperature: number;
}

/** At nominal airflow: what the fan overcomes in all, and in the clean filter, Pa. */
const [SYSTEM_PRESSURE, FILTER_PRESSURE] = [450, 90];

/** The heat load of the room comes and goes: a day in two hours, with the slope of a day of ±1.3 °C. */
const LOAD_PERIOD_SECONDS = 7200;

/** An air handling unit: fan on ducts and filter, cooling coil, a room that warms up. */
export function hvacModel(options: HvacModelOptions): DeviceSource<HvacState> {
  inRange('nominalAirflow', options.nominalAirflow ?? 3600, 100, 18_000);
  return machineSource<HvacState>(options, {
    description: {
      type: 'hvac',
      origin:
        'Physical model of an air handling unit: fan laws, ducts and filter, cooling coil, room, vibration.',
      channels: HVAC_CHANNELS,
      bearing: FAN_BEARING,
      nominalRpm: options.nominalRpm ?? 1450,
    },
    baseVibration: options.baseVibration ?? 0.12,
    resonanceHz: 2600,
    initial: { supplyTemperature: options.supplyTarget ?? 16, roomTemperature: 23 },
    advance(state, { ratio, levels, seconds }) {
      const air = airAt(options, ratio, levels);
      const kept = warm(options, state, air.relative, levels, seconds);
      return { readings: hvacReadings(options, ratio, levels, air, kept), kept };
    },
  });
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
  const load = 0.2 * Math.sin((2 * Math.PI * state.index * seconds) / LOAD_PERIOD_SECONDS);
  const reached = target + (state.roomTemperature - target) * 0.9 * levels['valve-closing'];
  const cooling = 7 * relative * ((state.roomTemperature - state.supplyTemperature) / 7);
  return {
    supplyTemperature: lag(
      state.supplyTemperature,
      relative < 0.02 ? state.roomTemperature : reached,
      60,
      seconds,
    ),
    roomTemperature: lag(state.roomTemperature, state.roomTemperature + 7 + load - cooling, 1800, seconds),
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
