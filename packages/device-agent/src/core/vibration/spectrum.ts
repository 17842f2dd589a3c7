import FFT from 'fft.js';

/** Sizes above are rare and large: made anew each time. */
const LARGEST_KEPT = 2 ** 18;

/** A one-sided spectrum. `power[k]` belongs to frequency `k * binHz`. */
export interface Spectrum {
  readonly power: Float64Array;
  readonly binHz: number;
  /** What the length of the recording can tell apart, in Hz; bins are finer because of zero padding. */
  readonly resolutionHz: number;
}

export interface Band {
  readonly lowHz: number;
  readonly highHz: number;
}

/** The spectrum of the whole waveform, from which band envelopes are cut. */
export interface WaveformTransform {
  readonly bins: readonly number[];
  readonly size: number;
  readonly samples: number;
  readonly sampleRateHz: number;
}

/** Fourier transform of the waveform less its mean, padded with zeros to a power of two. Do it once for all bands. */
export function transformWaveform(samples: ArrayLike<number>, sampleRateHz: number): WaveformTransform {
  const size = powerOfTwoFrom(samples.length);
  const fft = fftOf(size);
  const padded = new Float64Array(size);
  const mean = meanOf(samples);
  for (let i = 0; i < samples.length; i++) padded[i] = samples[i]! - mean;
  const bins = fft.createComplexArray();
  fft.realTransform(bins, padded);
  return { bins, size, samples: samples.length, sampleRateHz };
}

/**
 * Spectrum of the squared envelope in one band: the band's bins are shifted to zero and transformed back at a lower rate, which
 * gives the analytic signal; its squared magnitude, windowed (Hann), is transformed again.
 */
export function envelopeSpectrum(waveform: WaveformTransform, band: Band): Spectrum {
  const { bins, size, samples, sampleRateHz } = waveform;
  const hzPerBin = sampleRateHz / size;
  const from = Math.max(1, Math.ceil(band.lowHz / hzPerBin));
  const to = Math.min(size / 2 - 1, Math.floor(band.highHz / hzPerBin));
  // Twice the band: the squared envelope is twice as wide as the signal.
  const reduced = powerOfTwoFrom(2 * Math.max(1, to - from + 1));
  const fft = fftOf(reduced);
  const shifted = fft.createComplexArray().fill(0);
  for (let k = from; k <= to; k++) {
    shifted[2 * (k - from)] = bins[2 * k]!;
    shifted[2 * (k - from) + 1] = bins[2 * k + 1]!;
  }
  const analytic = fft.createComplexArray();
  fft.inverseTransform(analytic, shifted);
  const length = Math.floor((samples / size) * reduced);
  const envelope = new Float64Array(length);
  for (let i = 0; i < length; i++) envelope[i] = analytic[2 * i]! ** 2 + analytic[2 * i + 1]! ** 2;
  return powerSpectrum(envelope, (sampleRateHz * reduced) / size);
}

/** Hann-windowed power spectrum; the mean is removed. A sine of amplitude A gives A² at its frequency. */
export function powerSpectrum(samples: ArrayLike<number>, sampleRateHz: number): Spectrum {
  const length = samples.length;
  const size = powerOfTwoFrom(length);
  const windowed = new Float64Array(size);
  const mean = meanOf(samples);
  let gain = 0;
  for (let i = 0; i < length; i++) {
    const weight = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / length);
    windowed[i] = (samples[i]! - mean) * weight;
    gain += weight;
  }
  const fft = fftOf(size);
  const bins = fft.createComplexArray();
  fft.realTransform(bins, windowed);
  const power = new Float64Array(size / 2);
  for (let k = 0; k < power.length; k++)
    power[k] = (4 * (bins[2 * k]! ** 2 + bins[2 * k + 1]! ** 2)) / gain ** 2;
  return { power, binHz: sampleRateHz / size, resolutionHz: sampleRateHz / length };
}

/** Mean power of spectra with the same bins. */
export function averageSpectra(spectra: readonly Spectrum[]): Spectrum {
  const first = spectra[0]!;
  if (spectra.length === 1) return first;
  const power = new Float64Array(first.power.length);
  for (const spectrum of spectra) {
    for (let k = 0; k < power.length; k++) power[k] = power[k]! + spectrum.power[k]! / spectra.length;
  }
  return { ...first, power };
}

/** Fourth moment over squared variance: 3 for Gaussian noise, more for impacts. */
export function kurtosisOf(samples: ArrayLike<number>): number {
  const mean = meanOf(samples);
  let second = 0;
  let fourth = 0;
  for (let i = 0; i < samples.length; i++) {
    const square = (samples[i]! - mean) ** 2;
    second += square / samples.length;
    fourth += square ** 2 / samples.length;
  }
  return second === 0 ? 0 : fourth / second ** 2;
}

export function rmsOf(samples: ArrayLike<number>): number {
  const mean = meanOf(samples);
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += (samples[i]! - mean) ** 2;
  return Math.sqrt(sum / samples.length);
}

/** The tables of a transform depend on nothing but its size, and there are few sizes. */
const transforms = new Map<number, FFT>();

function fftOf(size: number): FFT {
  const known = transforms.get(size);
  if (known !== undefined) return known;
  const made = new FFT(size);
  if (size <= LARGEST_KEPT) transforms.set(size, made);
  return made;
}

function meanOf(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += samples[i]!;
  return sum / samples.length;
}

function powerOfTwoFrom(length: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(4, length)));
}
