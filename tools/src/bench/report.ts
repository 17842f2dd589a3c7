import { median, spreadOf, type Spread } from './statistics.ts';

/** A bound on the ratio of value to baseline, or on the value. */
export type Target = { readonly kind: 'at-most' | 'at-least' } & (
  | { readonly ratio: number }
  | { readonly value: number }
);

/** What one row was measured as, round by round; value and baseline of a round were taken one after the other. */
export interface Measured {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
  /** What the baseline is. */
  readonly against: string;
  /** Undefined: the baseline is not there to be measured, as `against` says. */
  readonly baselines: readonly number[] | undefined;
  readonly target?: Target | undefined;
}

export interface Row {
  readonly name: string;
  /** Median over the rounds, as `baseline` and `ratio`. */
  readonly value: number;
  readonly unit: string;
  /** Null when it is not installed, and so `ratio`. */
  readonly baseline: number | null;
  readonly against: string;
  /** Median of the ratios of the rounds: the machine's moods fall out of it. */
  readonly ratio: number | null;
  /** `<= 1.5` or `>= 0.6`; null where the row only informs. */
  readonly target: string | null;
  readonly pass: boolean | null;
  readonly spread: {
    readonly value: Spread;
    readonly baseline: Spread | null;
    readonly ratio: Spread | null;
  };
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
  if (baselines !== undefined && values.length !== baselines.length)
    throw new RangeError(`${measured.name}: a value without its baseline`);
  const ratios =
    baselines === undefined ? undefined : values.map((value, index) => value / baselines[index]!);
  const value = round(median(values));
  const ratio = medianOf(ratios);
  return {
    name: measured.name,
    value,
    unit: measured.unit,
    baseline: medianOf(baselines),
    against: measured.against,
    ratio,
    target: target === undefined ? null : describeTarget(target),
    pass: target === undefined ? null : meets(value, ratio, target),
    spread: {
      value: roundSpread(spreadOf(values)),
      baseline: spreadOrNull(baselines),
      ratio: spreadOrNull(ratios),
    },
  };
}

export function describeTarget(target: Target): string {
  const sign = target.kind === 'at-most' ? '<=' : '>=';
  return `${sign} ${'ratio' in target ? target.ratio : target.value}`;
}

function meets(value: number, ratio: number | null, target: Target): boolean | null {
  const [measured, bound] = 'ratio' in target ? [ratio, target.ratio] : [value, target.value];
  if (measured === null) return null;
  return target.kind === 'at-most' ? measured <= bound : measured >= bound;
}

function medianOf(values: readonly number[] | undefined): number | null {
  return values === undefined ? null : round(median(values));
}

function spreadOrNull(values: readonly number[] | undefined): Spread | null {
  return values === undefined ? null : roundSpread(spreadOf(values));
}

/** Four significant digits: more would pretend. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}

function roundSpread(spread: Spread): Spread {
  return { min: round(spread.min), max: round(spread.max) };
}
