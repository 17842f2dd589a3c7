import { median, spreadOf, type Spread } from './statistics.ts';

/** A bound on the ratio of value to baseline. */
export interface Target {
  readonly kind: 'at-most' | 'at-least';
  readonly ratio: number;
}

/** What one row was measured as, round by round; value and baseline of a round were taken one after the other. */
export interface Measured {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
  /** What the baseline is. */
  readonly against: string;
  readonly baselines: readonly number[];
  readonly target?: Target | undefined;
}

export interface Row {
  readonly name: string;
  /** Median over the rounds, as `baseline` and `ratio`. */
  readonly value: number;
  readonly unit: string;
  readonly baseline: number;
  readonly against: string;
  /** Median of the ratios of the rounds: the machine's moods fall out of it. */
  readonly ratio: number;
  /** `<= 1.5` or `>= 0.6`; null where the row only informs. */
  readonly target: string | null;
  readonly pass: boolean | null;
  readonly spread: { readonly value: Spread; readonly baseline: Spread; readonly ratio: Spread };
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMb: number;
  readonly platform: string;
  readonly node: string;
}

export interface Report {
  readonly benchmark: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly rows: readonly Row[];
  /** What was compared and how, for who wants to repeat or dispute it. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export function toRow(measured: Measured): Row {
  const { values, baselines, target } = measured;
  if (values.length !== baselines.length)
    throw new RangeError(`${measured.name}: a value without its baseline`);
  const ratios = values.map((value, index) => value / baselines[index]!);
  const ratio = round(median(ratios));
  return {
    name: measured.name,
    value: round(median(values)),
    unit: measured.unit,
    baseline: round(median(baselines)),
    against: measured.against,
    ratio,
    target: target === undefined ? null : describeTarget(target),
    pass: target === undefined ? null : meets(ratio, target),
    spread: {
      value: roundSpread(spreadOf(values)),
      baseline: roundSpread(spreadOf(baselines)),
      ratio: roundSpread(spreadOf(ratios)),
    },
  };
}

export function describeTarget(target: Target): string {
  return `${target.kind === 'at-most' ? '<=' : '>='} ${target.ratio}`;
}

function meets(ratio: number, target: Target): boolean {
  return target.kind === 'at-most' ? ratio <= target.ratio : ratio >= target.ratio;
}

/** Four significant digits: more would pretend. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}

function roundSpread(spread: Spread): Spread {
  return { min: round(spread.min), max: round(spread.max) };
}
