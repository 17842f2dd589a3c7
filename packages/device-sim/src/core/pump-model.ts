import { PUMP_BEARING } from './bearings.ts';
import { PUMP_CHANNELS } from './channels.ts';
import { inRange, type FaultLevels } from './faults.ts';
import { lag, totalRms, vibrationParts, type Reading } from './machine.ts';
import { machineSource, type MachineModelOptions, type MachineState } from './machine-model.ts';
import { gaussian } from './random.ts';
import type { DeviceSource } from './source.ts';

export interface PumpModelOptions extends MachineModelOptions {
  /** Default 1780. */
  readonly nominalRpm?: number;
  /** At the nominal speed with the valve open, l/min. Default 125. */
  readonly nominalFlow?: number;
  /** Healthy vibration at the drive end at the nominal speed, g RMS. Default 0.2. */
  readonly baseVibration?: number;
  readonly ambientTemperature?: number;
  /** Loss of head per million samples by ordinary wear, as a part of the whole. Default 0.02. */
  readonly wear?: number;
}

export interface PumpState extends MachineState {
  readonly motorTemperature: number;
  readonly fluidTemperature: number;
}

/** At nominal speed and flow: head at zero flow, head, static head of the pipework, in metres of water. */
const [SHUTOFF_HEAD, NOMINAL_HEAD, STATIC_HEAD] = [24, 18, 2];
const BAR_PER_METRE = 0.0981;

/** A centrifugal pump on a pipework: affinity laws, motor, heat, vibration. */
export function pumpModel(options: PumpModelOptions): DeviceSource<PumpState> {
  inRange('nominalFlow', options.nominalFlow ?? 125, 1, 250);
  const ambient = options.ambientTemperature ?? 22;
  return machineSource<PumpState>(options, {
    description: {
      type: 'pump',
      origin: 'Physical model of a centrifugal pump: affinity laws, pipework curve, motor, heat, vibration.',
      channels: PUMP_CHANNELS,
      bearing: PUMP_BEARING,
      nominalRpm: options.nominalRpm ?? 1780,
    },
    baseVibration: options.baseVibration ?? 0.2,
    initial: { motorTemperature: ambient + 45, fluidTemperature: ambient + 5 },
    advance(state, { ratio, levels, seconds }) {
      const point = operatingPoint(options, ratio, levels, state.index);
      const kept = heatUp(options, state, point, seconds);
      return { readings: pumpReadings(options, ratio, levels, point, kept), kept };
    },
  });
}

interface OperatingPoint {
  readonly flow: number;
  readonly headMetres: number;
  readonly shaftWatts: number;
}

/** Where the pump curve at this speed meets the curve of the pipework. */
function operatingPoint(
  options: PumpModelOptions,
  ratio: number,
  levels: FaultLevels,
  index: number,
): OperatingPoint {
  const nominalFlow = options.nominalFlow ?? 125;
  const wear = 1 - ((options.wear ?? 0.02) * index) / 1e6;
  const bubbles = 1 - 0.12 * levels.cavitation * (1 + 0.4 * gaussian(options.seed, 40, index));
  const shutoff = SHUTOFF_HEAD * ratio * ratio * Math.max(0.5, wear) * bubbles;
  const opening = 1 - 0.65 * levels['valve-closing'];
  const pumpSlope = (SHUTOFF_HEAD - NOMINAL_HEAD) / nominalFlow ** 2;
  const pipeSlope = (NOMINAL_HEAD - STATIC_HEAD) / nominalFlow ** 2 / opening ** 2;
  const flow = Math.sqrt(Math.max(0, (shutoff - STATIC_HEAD) / (pumpSlope + pipeSlope)));
  const headMetres = Math.max(0, shutoff - pumpSlope * flow * flow);
  // The efficiency falls to both sides of the best point, which moves with the speed.
  const relative = ratio === 0 ? 0 : flow / (nominalFlow * ratio);
  const efficiency = Math.max(0.15, 0.58 * (1 - 0.8 * (relative - 1) ** 2));
  const hydraulicWatts = (flow / 60_000) * headMetres * 9_810;
  return { flow, headMetres, shaftWatts: hydraulicWatts / efficiency + 60 * ratio ** 3 };
}

function heatUp(
  options: PumpModelOptions,
  state: PumpState,
  point: OperatingPoint,
  seconds: number,
): Pick<PumpState, 'motorTemperature' | 'fluidTemperature'> {
  const ambient = options.ambientTemperature ?? 22;
  const load = point.shaftWatts / nominalShaftWatts(options);
  const throttled =
    point.flow < 1 ? 0 : Math.min(10, 4 * load * ((options.nominalFlow ?? 125) / point.flow - 1));
  return {
    motorTemperature: lag(state.motorTemperature, ambient + 45 * load, 900, seconds),
    fluidTemperature: lag(state.fluidTemperature, ambient + 5 * load + throttled, 1200, seconds),
  };
}

function nominalShaftWatts(options: PumpModelOptions): number {
  return (((options.nominalFlow ?? 125) / 60_000) * NOMINAL_HEAD * 9_810) / 0.58 + 60;
}

function pumpReadings(
  options: PumpModelOptions,
  ratio: number,
  levels: FaultLevels,
  point: OperatingPoint,
  heat: Pick<PumpState, 'motorTemperature' | 'fluidTemperature'>,
): Record<string, Reading> {
  const parts = vibrationParts(options.baseVibration ?? 0.2, ratio, levels);
  const driveEnd = totalRms(parts);
  // Bearing defects sit at the drive end; imbalance and cavitation shake both ends.
  const otherEnd =
    1.25 * Math.hypot(parts.base, 0.8 * parts.imbalance, 0.7 * parts.cavitation) +
    0.25 * (driveEnd - parts.base);
  const magnetising = ratio > 0 ? 0.9 : 0;
  const active = point.shaftWatts / 0.8 / (Math.sqrt(3) * 400 * 0.82);
  const unsteady = 1 + 6 * levels.cavitation;
  return {
    vibration1: { value: driveEnd, noise: 0.012 * driveEnd },
    vibration2: { value: otherEnd, noise: 0.012 * otherEnd },
    current: { value: Math.hypot(magnetising, active), noise: 0.03 },
    pressure: { value: point.headMetres * BAR_PER_METRE, noise: 0.015 * unsteady },
    motorTemperature: { value: heat.motorTemperature, noise: 0.15 },
    fluidTemperature: { value: heat.fluidTemperature, noise: 0.05 },
    voltage: { value: 230, noise: 1.5 },
    flow: { value: point.flow, noise: 0.6 * unsteady },
  };
}
