/** A slow but plain envelope spectrum for tests: high-pass, magnitude, one DFT bin per frequency asked for. */

/** The signal above `cutHz` (one-pole, twice), as its magnitude without the mean. */
export function envelope(samples: Float32Array, sampleRateHz: number, cutHz: number): Float64Array {
  let signal = Float64Array.from(samples);
  const alpha = 1 / (1 + (2 * Math.PI * cutHz) / sampleRateHz);
  for (let pass = 0; pass < 3; pass += 1) {
    const filtered = new Float64Array(signal.length);
    for (let index = 1; index < signal.length; index += 1) {
      filtered[index] = alpha * (filtered[index - 1]! + signal[index]! - signal[index - 1]!);
    }
    signal = filtered;
  }
  const magnitude = signal.map(Math.abs);
  const mean = magnitude.reduce((sum, value) => sum + value, 0) / magnitude.length;
  return magnitude.map((value) => value - mean);
}

export function amplitudeAt(signal: Float64Array, sampleRateHz: number, frequencyHz: number): number {
  let real = 0;
  let imaginary = 0;
  const step = (2 * Math.PI * frequencyHz) / sampleRateHz;
  for (let index = 0; index < signal.length; index += 1) {
    real += signal[index]! * Math.cos(step * index);
    imaginary += signal[index]! * Math.sin(step * index);
  }
  return (2 * Math.hypot(real, imaginary)) / signal.length;
}

/** The largest amplitude within ±1 % of a frequency. */
export function peakNear(signal: Float64Array, sampleRateHz: number, frequencyHz: number): number {
  let best = 0;
  for (let factor = 0.99; factor <= 1.01; factor += 0.002) {
    best = Math.max(best, amplitudeAt(signal, sampleRateHz, frequencyHz * factor));
  }
  return best;
}

/** The median amplitude over the band, as the floor that a peak stands out of. */
export function floorOf(signal: Float64Array, sampleRateHz: number, fromHz: number, toHz: number): number {
  const values: number[] = [];
  for (let frequency = fromHz; frequency <= toHz; frequency += (toHz - fromHz) / 150) {
    values.push(amplitudeAt(signal, sampleRateHz, frequency));
  }
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

export function rms(samples: ArrayLike<number>): number {
  let square = 0;
  for (let index = 0; index < samples.length; index += 1) square += samples[index]! ** 2;
  return Math.sqrt(square / samples.length);
}
