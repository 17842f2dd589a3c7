import type { Band } from './spectrum.ts';

const LOWEST_HZ = 300;
const HIGHEST_HZ = 20_000;
const NARROWEST_HZ = 700;
const DIVISIONS = [1, 2, 3, 4, 6];

/**
 * Where a resonance may carry the impacts: the whole range and its halves, thirds, quarters and sixths (the tiling of the fast
 * kurtogram, Antoni 2007). Below 300 Hz lie the shaft's own harmonics.
 */
export function resonanceBands(sampleRateHz: number): Band[] {
  const highest = Math.min(sampleRateHz / 2, HIGHEST_HZ) * 0.98;
  return DIVISIONS.flatMap((parts) =>
    Array.from({ length: parts }, (_, i) => ({
      lowHz: Math.max(LOWEST_HZ, (highest * i) / parts),
      highHz: (highest * (i + 1)) / parts,
    })),
  ).filter((band) => band.highHz - band.lowHz >= NARROWEST_HZ);
}
