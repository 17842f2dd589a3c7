import { quantileOfSorted } from '../detector/statistics.ts';
import type { Spectrum } from './spectrum.ts';

/** A line that an analyst would look at. */
export interface SpectrumLine {
  readonly frequencyHz: number;
  /** Frequency over shaft speed. */
  readonly order: number;
  /** Root of the power at the line, in the unit of the spectrum. */
  readonly amplitude: number;
  /** Line over the strong part of its surroundings (their 90 % quantile), in dB. */
  readonly snrDb: number;
}

export interface LinePattern {
  /** Nominal order of the first harmonic. */
  readonly order: number;
  /** Distance, in orders, of the sidebands that belong to the pattern. They are no background. */
  readonly sidebandOrder?: number;
}

export interface PatternMatch {
  /** Mean over the harmonics, in dB; -Infinity when too few harmonics can be judged. */
  readonly scoreDb: number;
  /** Measured over nominal frequency, minus 1. Rolling elements slip: bearings run 0 to 2 % low. */
  readonly slip: number;
  readonly lines: readonly SpectrumLine[];
}

const HARMONICS = 3;
const MAX_HARMONIC = 6;
const MIN_HARMONICS = 2;
const SLIPS = Array.from({ length: 11 }, (_, i) => -0.012 + i * 0.002);
const LARGEST_SLIP = 0.01;
const BACKGROUND_ORDERS = 1.5;
const BACKGROUND_QUANTILE = 0.9;
const NO_MATCH: PatternMatch = { scoreDb: Number.NEGATIVE_INFINITY, slip: 0, lines: [] };

/** Looks for the first harmonics of a defect with one common slip; shaft harmonics are neither signal nor background. */
export function matchPattern(spectrum: Spectrum, shaftHz: number, pattern: LinePattern): PatternMatch {
  const backgrounds = new Map<number, number | undefined>();
  const backgroundOf = (harmonic: number) => {
    if (!backgrounds.has(harmonic)) {
      const targetHz = pattern.order * harmonic * shaftHz;
      backgrounds.set(harmonic, surroundings(spectrum, shaftHz, targetHz, pattern.sidebandOrder));
    }
    return backgrounds.get(harmonic);
  };
  let best = NO_MATCH;
  for (const slip of SLIPS) {
    const lines: SpectrumLine[] = [];
    for (let harmonic = 1; harmonic <= MAX_HARMONIC && lines.length < HARMONICS; harmonic++) {
      const line = lineAt(spectrum, shaftHz, pattern.order * (1 + slip) * harmonic, backgroundOf(harmonic));
      if (line !== undefined) lines.push(line);
    }
    if (lines.length < MIN_HARMONICS) continue;
    const scoreDb = lines.reduce((sum, line) => sum + line.snrDb, 0) / lines.length;
    if (scoreDb > best.scoreDb) best = { scoreDb, slip, lines };
  }
  return best;
}

/** Undefined when the frequency cannot be told from a shaft harmonic, or lies outside of the spectrum. */
function lineAt(
  { power, binHz, resolutionHz }: Spectrum,
  shaftHz: number,
  order: number,
  background: number | undefined,
): SpectrumLine | undefined {
  const targetHz = order * shaftHz;
  // The main lobe of a strong shaft harmonic reaches two resolutions to each side.
  const isClear = (hz: number) => Math.abs(hz - Math.round(hz / shaftHz) * shaftHz) >= 2.5 * resolutionHz;
  if (background === undefined || !isClear(targetHz)) return undefined;
  let peak = -1;
  for (
    let k = Math.ceil((targetHz - resolutionHz) / binHz);
    k <= Math.floor((targetHz + resolutionHz) / binHz);
    k++
  ) {
    if (k <= 0 || k >= power.length || !isClear(k * binHz)) continue;
    if (peak < 0 || power[k]! > power[peak]!) peak = k;
  }
  if (peak < 0) return undefined;
  const frequencyHz = peak * binHz;
  return {
    frequencyHz,
    order: frequencyHz / shaftHz,
    amplitude: Math.sqrt(power[peak]!),
    snrDb: 10 * Math.log10(power[peak]! / background),
  };
}

/** The strong part of what surrounds a line, without the line (wherever slip may take it), its sidebands and the shaft's harmonics. */
function surroundings(
  spectrum: Spectrum,
  shaftHz: number,
  targetHz: number,
  sidebandOrder?: number,
): number | undefined {
  const { power, binHz, resolutionHz } = spectrum;
  const excluded = [{ atHz: targetHz, halfWidthHz: 3 * resolutionHz + LARGEST_SLIP * targetHz }];
  const firstShaft = Math.floor(targetHz / shaftHz - BACKGROUND_ORDERS);
  for (let n = Math.max(1, firstShaft); n <= targetHz / shaftHz + BACKGROUND_ORDERS + 1; n++) {
    excluded.push({ atHz: n * shaftHz, halfWidthHz: 2 * resolutionHz });
  }
  if (sidebandOrder !== undefined) {
    for (const side of [-1, 1]) {
      excluded.push({ atHz: targetHz + side * sidebandOrder * shaftHz, halfWidthHz: 2 * resolutionHz });
    }
  }
  const from = Math.max(
    Math.ceil((3 * resolutionHz) / binHz),
    Math.ceil((targetHz - BACKGROUND_ORDERS * shaftHz) / binHz),
  );
  const to = Math.min(power.length - 1, Math.floor((targetHz + BACKGROUND_ORDERS * shaftHz) / binHz));
  const values: number[] = [];
  for (let k = from; k <= to; k++) {
    const hz = k * binHz;
    if (!excluded.some(({ atHz, halfWidthHz }) => Math.abs(hz - atHz) <= halfWidthHz)) values.push(power[k]!);
  }
  if (values.length < 8) return undefined;
  return Math.max(
    quantileOfSorted(
      values.sort((a, b) => a - b),
      BACKGROUND_QUANTILE,
    ),
    Number.MIN_VALUE,
  );
}
