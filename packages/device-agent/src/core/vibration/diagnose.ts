import { DeviceAgentError } from '../../errors.ts';
import { quantileOfSorted, sorted } from '../detector/statistics.ts';
import { resonanceBands } from './bands.ts';
import { matchPattern, type LinePattern, type PatternMatch, type SpectrumLine } from './defect-lines.ts';
import { judgeShaft, type ShaftVibration } from './shaft-faults.ts';
import {
  averageSpectra,
  envelopeSpectrum,
  kurtosisOf,
  powerSpectrum,
  rmsOf,
  transformWaveform,
  type Band,
  type Spectrum,
} from './spectrum.ts';

export type VibrationVerdict =
  | 'inner-race'
  | 'outer-race'
  | 'ball'
  | 'imbalance'
  | 'misalignment'
  | 'looseness'
  | 'healthy'
  | 'unknown';

/** Defect frequencies as multiples of shaft speed, from the geometry of the bearing. */
export interface BearingOrders {
  readonly bpfi: number;
  readonly bpfo: number;
  /** Spin of the ball; a defect strikes twice per spin. */
  readonly bsf: number;
  readonly ftf: number;
}

export interface VibrationOptions {
  readonly sampleRateHz: number;
  readonly shaftRpm: number;
  readonly orders: BearingOrders;
  /**
   * Velocity at the shaft harmonics, in mm/s RMS, from which imbalance, misalignment and looseness are named. Default 7.1: where
   * ISO 10816-1 puts the danger zone of machines of 15 to 75 kW. Smaller machines need less.
   */
  readonly velocityAlarmMmPerS?: number;
}

export interface VibrationEvidence {
  readonly text: string;
  /** `envelope`: amplitude in g² of the squared envelope. `velocity`: in mm/s RMS. */
  readonly spectrum?: 'envelope' | 'velocity';
  readonly line?: SpectrumLine;
}

export interface BearingScore {
  readonly fault: 'inner-race' | 'outer-race' | 'ball';
  /** Mean of best and median band, in dB over the strong part of the surroundings. */
  readonly scoreDb: number;
  readonly bestBand: Band;
  readonly match: PatternMatch;
}

export interface VibrationDiagnosis {
  readonly verdict: VibrationVerdict;
  /** 0..1. For `unknown`, how sure it is that something is wrong. */
  readonly confidence: number;
  readonly evidence: readonly VibrationEvidence[];
  readonly rmsG: number;
  readonly kurtosis: number;
  readonly bearing: readonly BearingScore[];
  readonly shaft: ShaftVibration;
  /** The band in which the strongest bearing evidence was found. */
  readonly band: Band;
}

const NAMED_DB = 6.5;
/** From here on a pattern is no chance, and not yet a name. */
export const SUSPICIOUS_DB = 2.3;
const MARGIN_DB = 2;
const IMPULSIVE_KURTOSIS = 4;
const SEGMENT_REVOLUTIONS = 30;
const FEWEST_REVOLUTIONS = 10;
const MOST_SEGMENTS = 10;

/**
 * Names what a vibration signature shows. Acceleration in g, at constant speed, at least ten revolutions; thirty or more are
 * better. Throws `invalid-waveform`.
 */
export function diagnoseVibration(samples: ArrayLike<number>, options: VibrationOptions): VibrationDiagnosis {
  assertUsable(samples, options);
  const shaftHz = options.shaftRpm / 60;
  const segments = segmentsOf(samples, options.sampleRateHz, shaftHz);
  const bands = resonanceBands(options.sampleRateHz);
  const transforms = segments.map((segment) => transformWaveform(segment, options.sampleRateHz));
  const envelopes = bands.map((band) =>
    averageSpectra(transforms.map((waveform) => envelopeSpectrum(waveform, band))),
  );
  const bearing = bearingPatterns(options.orders)
    .map(({ fault, pattern }) => scoreFault(fault, pattern, bands, envelopes, shaftHz))
    .sort((a, b) => b.scoreDb - a.scoreDb);
  const shaft = judgeShaft(
    averageSpectra(segments.map((segment) => powerSpectrum(segment, options.sampleRateHz))),
    shaftHz,
    options.velocityAlarmMmPerS ?? 7.1,
  );
  const kurtosis = kurtosisOf(samples);
  const judged = judge(bearing, shaft, kurtosis, shaftHz);
  return { ...judged, rmsG: rmsOf(samples), kurtosis, bearing, shaft, band: bearing[0]!.bestBand };
}

function judge(
  bearing: readonly BearingScore[],
  shaft: ShaftVibration,
  kurtosis: number,
  shaftHz: number,
): Pick<VibrationDiagnosis, 'verdict' | 'confidence' | 'evidence'> {
  const [first, second] = [bearing[0]!, bearing[1]!];
  const impacts = { text: `kurtosis ${kurtosis.toFixed(1)} (3 for a signal without impacts)` };
  const velocity = {
    text: `velocity at the shaft harmonics ${shaft.velocityMmPerS.toFixed(1)} mm/s RMS${shaft.fault === undefined ? '' : `, pattern of ${shaft.fault}`}`,
  };
  const shaftLines = shaft.lines.map((line) =>
    lineEvidence(line, 'velocity', `${line.order.toFixed(2)}× shaft`),
  );
  if (first.scoreDb >= NAMED_DB && first.scoreDb - second.scoreDb >= MARGIN_DB) {
    const confidence = clamp(
      0.6 + 0.04 * (first.scoreDb - NAMED_DB) + 0.02 * Math.min(5, first.scoreDb - second.scoreDb),
      0.99,
    );
    const extra = shaft.fault === undefined ? [] : [velocity];
    return {
      verdict: first.fault,
      confidence,
      evidence: [...bearingEvidence(first, shaftHz), impacts, ...extra],
    };
  }
  if (shaft.fault !== undefined) {
    const confidence = clamp(0.5 + 0.5 * shaft.clarity * (first.scoreDb < SUSPICIOUS_DB ? 1 : 0.6), 0.95);
    return { verdict: shaft.fault, confidence, evidence: [velocity, ...shaftLines] };
  }
  if (first.scoreDb < SUSPICIOUS_DB && kurtosis < IMPULSIVE_KURTOSIS && !isHigh(shaft)) {
    const confidence = clamp(0.95 - 0.1 * Math.max(0, first.scoreDb) - 0.1 * Math.max(0, kurtosis - 3), 0.95);
    const quiet = {
      text: `no defect frequency of the bearing stands out (strongest ${first.fault}, ${first.scoreDb.toFixed(1)} dB)`,
    };
    return { verdict: 'healthy', confidence, evidence: [quiet, impacts, velocity] };
  }
  const confidence = clamp(0.3 + 0.08 * Math.max(0, first.scoreDb) + 0.05 * Math.max(0, kurtosis - 3), 0.9);
  const hint = first.scoreDb >= SUSPICIOUS_DB ? bearingEvidence(first, shaftHz) : [];
  const reason = { text: 'something is unusual, but no fault fits clearly enough to name it' };
  return { verdict: 'unknown', confidence, evidence: [reason, impacts, velocity, ...hint] };
}

function isHigh(shaft: ShaftVibration): boolean {
  return shaft.clarity > 0;
}

function bearingEvidence(score: BearingScore, shaftHz: number): VibrationEvidence[] {
  const name = { 'inner-race': 'BPFI', 'outer-race': 'BPFO', ball: '2×BSF' }[score.fault];
  const { lowHz, highHz } = score.bestBand;
  const summary = {
    text: `${name} and harmonics stand ${score.scoreDb.toFixed(1)} dB over their surroundings in the envelope spectrum (band ${Math.round(lowHz)} to ${Math.round(highHz)} Hz, slip ${(score.match.slip * 100).toFixed(1)} %, shaft ${shaftHz.toFixed(2)} Hz)`,
  };
  const lines = score.match.lines.map((line, index) =>
    lineEvidence(line, 'envelope', `${name} harmonic ${index + 1}`),
  );
  return [summary, ...lines];
}

function lineEvidence(
  line: SpectrumLine,
  spectrum: 'envelope' | 'velocity',
  name: string,
): VibrationEvidence {
  const unit = spectrum === 'velocity' ? 'mm/s' : 'g²';
  return {
    text: `${name}: ${line.frequencyHz.toFixed(1)} Hz (order ${line.order.toFixed(3)}), ${line.amplitude.toPrecision(3)} ${unit}, ${line.snrDb.toFixed(1)} dB`,
    spectrum,
    line,
  };
}

function bearingPatterns(orders: BearingOrders): { fault: BearingScore['fault']; pattern: LinePattern }[] {
  return [
    { fault: 'outer-race', pattern: { order: orders.bpfo } },
    // An inner race turns through the load zone: sidebands at shaft speed. A ball moves with the cage.
    { fault: 'inner-race', pattern: { order: orders.bpfi, sidebandOrder: 1 } },
    { fault: 'ball', pattern: { order: 2 * orders.bsf, sidebandOrder: orders.ftf } },
  ];
}

/** Best and median band together: a defect shows in many bands, a chance line in one. */
function scoreFault(
  fault: BearingScore['fault'],
  pattern: LinePattern,
  bands: readonly Band[],
  envelopes: readonly Spectrum[],
  shaftHz: number,
): BearingScore {
  const matches = envelopes.map((envelope) => matchPattern(envelope, shaftHz, pattern));
  const best = matches.reduce((a, b, index) => (b.scoreDb > matches[a]!.scoreDb ? index : a), 0);
  const scores = sorted(matches.map((match) => match.scoreDb));
  const scoreDb =
    scores[0] === Number.NEGATIVE_INFINITY ? -99 : (scores.at(-1)! + quantileOfSorted(scores, 0.5)) / 2;
  return { fault, scoreDb, bestBand: bands[best]!, match: matches[best]! };
}

function segmentsOf(samples: ArrayLike<number>, sampleRateHz: number, shaftHz: number): ArrayLike<number>[] {
  const data = samples instanceof Float32Array ? samples : Float64Array.from(samples);
  const length = Math.min(data.length, Math.ceil((SEGMENT_REVOLUTIONS / shaftHz) * sampleRateHz));
  const count = Math.min(MOST_SEGMENTS, Math.max(1, Math.floor((2 * data.length) / length) - 1));
  const step = count === 1 ? 0 : (data.length - length) / (count - 1);
  return Array.from({ length: count }, (_, i) =>
    data.subarray(Math.floor(i * step), Math.floor(i * step) + length),
  );
}

function assertUsable(
  samples: ArrayLike<number>,
  { sampleRateHz, shaftRpm, orders }: VibrationOptions,
): void {
  const refuse = (message: string) => new DeviceAgentError('invalid-waveform', message);
  if (!(sampleRateHz >= 2000 && sampleRateHz < 10_000_000))
    throw refuse(`sampleRateHz must be from 2000, not ${sampleRateHz}`);
  if (!(shaftRpm > 0 && shaftRpm / 60 < sampleRateHz / 20)) throw refuse(`shaftRpm is unusable: ${shaftRpm}`);
  for (const name of ['bpfi', 'bpfo', 'bsf', 'ftf'] as const) {
    if (!(orders[name] > 0 && orders[name] < 100))
      throw refuse(`orders.${name} must be a multiple of shaft speed, not ${orders[name]}`);
  }
  const needed = Math.ceil(((FEWEST_REVOLUTIONS * 60) / shaftRpm) * sampleRateHz);
  if (samples.length < needed) {
    throw refuse(`${samples.length} samples are too few: ${FEWEST_REVOLUTIONS} revolutions need ${needed}`);
  }
  for (let i = 0; i < samples.length; i++) {
    if (!Number.isFinite(samples[i])) throw refuse(`sample ${i} is not a finite number`);
  }
}

function clamp(value: number, highest: number): number {
  return Math.min(highest, Math.max(0.05, value));
}
