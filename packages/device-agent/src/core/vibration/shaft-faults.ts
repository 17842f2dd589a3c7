import { quantileOfSorted } from '../detector/statistics.ts';
import type { SpectrumLine } from './defect-lines.ts';
import type { Spectrum } from './spectrum.ts';

export type ShaftFault = 'imbalance' | 'misalignment' | 'looseness';

export interface ShaftVibration {
  /** Root mean square of the velocity at the shaft harmonics 1 to 10 and the half orders, in mm/s. */
  readonly velocityMmPerS: number;
  readonly fault?: ShaftFault;
  /** How clearly the pattern fits, 0..1. */
  readonly clarity: number;
  /** Harmonics of the shaft that carry the vibration; `amplitude` in mm/s RMS. */
  readonly lines: readonly SpectrumLine[];
}

const GRAVITY_MM_PER_S2 = 9806.65;
const INTEGER_ORDERS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const HALF_ORDERS = [0.5, 1.5, 2.5, 3.5];
const CLEAR_LINE_DB = 10;

/**
 * Judges the shaft's own harmonics by velocity, as ISO 10816 does. Nothing is a fault below the alarm, however clear its pattern:
 * every machine has some 1× and 2×.
 */
export function judgeShaft(acceleration: Spectrum, shaftHz: number, alarmMmPerS: number): ShaftVibration {
  const lines = new Map<number, SpectrumLine>();
  for (const order of [...INTEGER_ORDERS, ...HALF_ORDERS]) {
    const line = velocityLine(acceleration, shaftHz, order);
    if (line !== undefined && line.snrDb >= CLEAR_LINE_DB) lines.set(order, line);
  }
  const speed = (order: number) => lines.get(order)?.amplitude ?? 0;
  const power = (orders: readonly number[]) => orders.reduce((sum, order) => sum + speed(order) ** 2, 0);
  const total = power([...INTEGER_ORDERS, ...HALF_ORDERS]);
  const velocityMmPerS = Math.sqrt(total);
  const strongest = [...lines.values()].sort((a, b) => b.amplitude - a.amplitude).slice(0, 6);
  if (velocityMmPerS < alarmMmPerS) return { velocityMmPerS, clarity: 0, lines: strongest };
  const largest = Math.max(...[...lines.values()].map((line) => line.amplitude));
  const rich = INTEGER_ORDERS.filter((order) => speed(order) >= 0.15 * largest).length;
  const halves = HALF_ORDERS.filter((order) => speed(order) >= 0.15 * largest).length;
  if (rich >= 6 || halves >= 2) {
    return {
      velocityMmPerS,
      fault: 'looseness',
      clarity: Math.min(1, Math.max(rich / 8, halves / 3)),
      lines: strongest,
    };
  }
  if (power([1]) >= 0.8 * total)
    return { velocityMmPerS, fault: 'imbalance', clarity: power([1]) / total, lines: strongest };
  if (speed(2) >= 0.6 * speed(1) && power([1, 2, 3]) >= 0.8 * total) {
    return { velocityMmPerS, fault: 'misalignment', clarity: power([1, 2, 3]) / total, lines: strongest };
  }
  return { velocityMmPerS, clarity: 0, lines: strongest };
}

function velocityLine(
  { power, binHz, resolutionHz }: Spectrum,
  shaftHz: number,
  order: number,
): SpectrumLine | undefined {
  const targetHz = order * shaftHz;
  const reach = Math.max(1.5 * resolutionHz, 0.01 * targetHz);
  let peak = -1;
  for (let k = Math.ceil((targetHz - reach) / binHz); k <= (targetHz + reach) / binHz; k++) {
    if (k > 0 && k < power.length && (peak < 0 || power[k]! > power[peak]!)) peak = k;
  }
  if (peak < 0) return undefined;
  const around: number[] = [];
  const span = 0.4 * shaftHz;
  for (let k = Math.max(1, Math.ceil((targetHz - span) / binHz)); k <= (targetHz + span) / binHz; k++) {
    if (k < power.length && Math.abs(k * binHz - targetHz) > reach + resolutionHz) around.push(power[k]!);
  }
  if (around.length < 4) return undefined;
  const background = Math.max(
    quantileOfSorted(
      around.sort((a, b) => a - b),
      0.5,
    ),
    Number.MIN_VALUE,
  );
  const frequencyHz = peak * binHz;
  const velocity = (Math.sqrt(power[peak]! / 2) * GRAVITY_MM_PER_S2) / (2 * Math.PI * frequencyHz);
  return {
    frequencyHz,
    order: frequencyHz / shaftHz,
    amplitude: velocity,
    snrDb: 10 * Math.log10(power[peak]! / background),
  };
}
