/** What pumps and fans have in common: a shaft that follows its setpoint, vibration, sensors with faults. Pure. */
import type { Fault, FaultLevels } from './faults.ts';
import { activeFaults, faultLevel } from './faults.ts';
import { gaussian } from './random.ts';
import type { ChannelSpec, GroundTruth, Setpoint } from './source.ts';
import type { VibrationParts } from './vibration.ts';

/** Speed changes by at most this much per second of device time. */
const RAMP_RPM_PER_SECOND = 60;

export function followSetpoint(rpm: number, setpoint: Setpoint, secondsPerSample: number): number {
  const target = setpoint.running ? setpoint.rpm : 0;
  const step = RAMP_RPM_PER_SECOND * secondsPerSample;
  return rpm + Math.max(-step, Math.min(step, target - rpm));
}

/** First-order lag toward `target`. */
export function lag(value: number, target: number, timeConstantSeconds: number, seconds: number): number {
  return target + (value - target) * Math.exp(-seconds / timeConstantSeconds);
}

/** Acceleration at the drive end in g RMS by cause; `ratio` is the speed as a part of the nominal one. */
export function vibrationParts(baseRms: number, ratio: number, levels: FaultLevels): VibrationParts {
  const running = ratio > 0.02;
  const square = ratio * ratio;
  return {
    base: running ? baseRms * (0.3 + 0.7 * square) : 0.002,
    innerRace: 0.5 * levels['bearing-inner-race'] * ratio,
    outerRace: 0.55 * levels['bearing-outer-race'] * ratio,
    ball: 0.4 * levels['bearing-ball'] * ratio,
    imbalance: 0.45 * levels.imbalance * square,
    cavitation: running ? 0.3 * levels.cavitation : 0,
  };
}

export function totalRms(parts: VibrationParts): number {
  return Math.hypot(
    parts.base,
    parts.innerRace,
    parts.outerRace,
    parts.ball,
    parts.imbalance,
    parts.cavitation,
  );
}

export interface Reading {
  readonly value: number;
  /** Standard deviation of the sensor's noise, in the channel's unit. */
  readonly noise: number;
}

/** Values that stuck sensors hold, by channel. */
export type StuckValues = Readonly<Record<string, number>>;

/** Noise, then the faults of the sensors themselves, then the range. */
export function measure(
  readings: Readonly<Record<string, Reading>>,
  specs: readonly ChannelSpec[],
  context: {
    readonly seed: number;
    readonly index: number;
    readonly faults: readonly Fault[];
    readonly stuck: StuckValues;
  },
): { readonly channels: Record<string, number>; readonly stuck: StuckValues } {
  const channels: Record<string, number> = {};
  const stuck: Record<string, number> = { ...context.stuck };
  for (const [stream, spec] of specs.entries()) {
    const reading = readings[spec.name];
    if (reading === undefined) continue;
    let value = reading.value + reading.noise * gaussian(context.seed, stream, context.index);
    for (const fault of context.faults) {
      if (fault.channel !== spec.name || faultLevel(fault, context.index) === 0) continue;
      if (fault.kind === 'sensor-drift') value += drift(fault, spec, context.index);
      if (fault.kind === 'sensor-stuck') value = stuck[spec.name] ??= value;
    }
    channels[spec.name] = round(Math.max(spec.min, Math.min(spec.max, value)));
  }
  return { channels, stuck };
}

/** A fifth of the range per 300 samples. */
function drift(fault: Fault, spec: ChannelSpec, index: number): number {
  const age = index - fault.startsAtSample + 1;
  return ((fault.severity ?? 1) * 0.2 * (spec.max - spec.min) * age) / 300;
}

/** Six significant digits, as the recordings have. */
function round(value: number): number {
  return Number(value.toPrecision(6));
}

export function truthAt(faults: readonly Fault[], index: number): GroundTruth {
  const active = activeFaults(faults, index);
  return { anomaly: active.length > 0, faults: active };
}
