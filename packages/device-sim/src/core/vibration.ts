/**
 * Drive-end acceleration of a machine with a rolling bearing, made from causes. Pure: same input, same waveform.
 *
 * A defect on a race or a ball hits its counterpart at a rate given by the bearing's geometry; each hit rings a structural
 * resonance. The hits slip by about a percent (balls do not roll perfectly), and their strength follows the load: an inner-race
 * defect turns through the load zone once per revolution, a ball once per cage turn. See Randall and Antoni, "Rolling element
 * bearing diagnostics: a tutorial", Mechanical Systems and Signal Processing 25 (2011).
 */
import { gaussian, uniform } from './random.ts';
import type { Bearing } from './source.ts';

/** RMS in g by cause; uncorrelated, so that their squares add up. */
export interface VibrationParts {
  readonly base: number;
  readonly innerRace: number;
  readonly outerRace: number;
  readonly ball: number;
  readonly imbalance: number;
  readonly cavitation: number;
}

export interface VibrationInput {
  readonly seed: number;
  readonly sampleRateHz: number;
  readonly samples: number;
  readonly shaftRpm: number;
  readonly bearing: Bearing;
  readonly parts: VibrationParts;
  /** Default 3200: the housing. */
  readonly resonanceHz?: number;
}

const SLIP = 0.01;
const RING_DECAY_SECONDS = 0.0009;

/** Acceleration in g, one number a sample. The RMS of the whole is that of `parts` put together. */
export function synthesizeVibration(input: VibrationInput): Float32Array {
  const total = new Float64Array(input.samples);
  const shaftHz = input.shaftRpm / 60;
  add(total, noise(input, 1), input.parts.base * 0.85);
  add(total, rotation(input, shaftHz), input.parts.base * 0.5268);
  if (shaftHz > 0) {
    const { bearing, parts } = input;
    add(total, hits(input, 2, bearing.bpfi * shaftHz, innerLoad(shaftHz)), parts.innerRace);
    add(total, hits(input, 3, bearing.bpfo * shaftHz, steady), parts.outerRace);
    // A ball meets both races in each of its turns, the inner one harder.
    const ballHz = bearing.bsf * shaftHz;
    add(total, hits(input, 4, 2 * ballHz, ballLoad(bearing.ftf * shaftHz)), parts.ball);
    // A quarter turn from what the healthy shaft does at the same frequency, so that the squares add up.
    add(total, sine(input, shaftHz, 1, 0.25), parts.imbalance);
  }
  add(total, bursts(input, 5), input.parts.cavitation);
  return Float32Array.from(total);
}

/** Adds `signal` scaled to the RMS wanted. */
function add(total: Float64Array, signal: Float64Array | undefined, rms: number): void {
  if (signal === undefined || rms === 0) return;
  let square = 0;
  for (const value of signal) square += value * value;
  const scale = square === 0 ? 0 : rms / Math.sqrt(square / signal.length);
  for (let index = 0; index < total.length; index += 1) total[index]! += signal[index]! * scale;
}

function noise(input: VibrationInput, stream: number): Float64Array {
  const signal = new Float64Array(input.samples);
  for (let index = 0; index < signal.length; index += 1) signal[index] = gaussian(input.seed, stream, index);
  return signal;
}

/** What a healthy shaft does: residual imbalance, misalignment, blades. */
function rotation(input: VibrationInput, shaftHz: number): Float64Array {
  const signal = new Float64Array(input.samples);
  for (const [order, amplitude] of [
    [1, 1],
    [2, 0.6],
    [3, 0.25],
    [6, 0.5],
  ] as const) {
    const part = sine(input, order * shaftHz, order);
    for (let index = 0; index < signal.length; index += 1) signal[index]! += amplitude * part[index]!;
  }
  return signal;
}

function sine(input: VibrationInput, frequencyHz: number, phaseStream: number, turns = 0): Float64Array {
  const signal = new Float64Array(input.samples);
  const phase = 2 * Math.PI * (uniform(input.seed, 100, phaseStream) + turns);
  const step = (2 * Math.PI * frequencyHz) / input.sampleRateHz;
  for (let index = 0; index < signal.length; index += 1) signal[index] = Math.sin(phase + step * index);
  return signal;
}

/** Strength of the n-th hit at a time in seconds. */
type Load = (seconds: number, hit: number) => number;

const steady: Load = () => 1;
const innerLoad = (shaftHz: number): Load => {
  return (seconds) => Math.max(0.1, 0.55 + 0.45 * Math.cos(2 * Math.PI * shaftHz * seconds));
};
const ballLoad = (cageHz: number): Load => {
  return (seconds, hit) =>
    (hit % 2 === 0 ? 1 : 0.35) * (0.65 + 0.35 * Math.cos(2 * Math.PI * cageHz * seconds));
};

/** A train of hits, each ringing the resonance. */
function hits(input: VibrationInput, stream: number, rateHz: number, load: Load): Float64Array {
  const signal = new Float64Array(input.samples);
  const { sampleRateHz, seed } = input;
  const resonanceHz = input.resonanceHz ?? 3200;
  const length = Math.ceil(8 * RING_DECAY_SECONDS * sampleRateHz);
  let seconds = uniform(seed, stream, 0) / rateHz;
  for (let hit = 0; seconds * sampleRateHz < signal.length; hit += 1) {
    const strength = load(seconds, hit) * (1 + 0.1 * gaussian(seed, stream + 50, hit));
    const first = Math.ceil(seconds * sampleRateHz);
    for (let index = first; index < Math.min(first + length, signal.length); index += 1) {
      const age = index / sampleRateHz - seconds;
      signal[index]! +=
        strength * Math.exp(-age / RING_DECAY_SECONDS) * Math.sin(2 * Math.PI * resonanceHz * age);
    }
    seconds += (1 + SLIP * gaussian(seed, stream, hit + 1)) / rateHz;
  }
  return signal;
}

/** Collapsing bubbles: short bursts of broad noise at random moments. */
function bursts(input: VibrationInput, stream: number): Float64Array | undefined {
  if (input.parts.cavitation === 0) return undefined;
  const signal = noise(input, stream);
  const window = Math.max(1, Math.round(input.sampleRateHz * 0.004));
  for (let index = 0; index < signal.length; index += 1) {
    const strength = uniform(input.seed, stream + 50, Math.floor(index / window));
    signal[index]! *= 0.2 + 3 * strength ** 6;
  }
  return signal;
}
