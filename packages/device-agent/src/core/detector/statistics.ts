/** Quantile of sorted values with linear interpolation; `values` must not be empty. */
export function quantileOfSorted(values: readonly number[], q: number): number {
  const position = (values.length - 1) * q;
  const below = Math.floor(position);
  const low = values[below]!;
  return low + (values[Math.min(below + 1, values.length - 1)]! - low) * (position - below);
}

export function sorted(values: Iterable<number>): number[] {
  return [...values].sort((a, b) => a - b);
}

export function median3(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

/** Pearson correlation of two columns of equal length; 0 when one of them does not vary. */
export function correlation(x: readonly number[], y: readonly number[]): number {
  const n = x.length;
  let meanX = 0;
  let meanY = 0;
  for (let i = 0; i < n; i++) {
    meanX += x[i]! / n;
    meanY += y[i]! / n;
  }
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (let i = 0; i < n; i++) {
    const dx = x[i]! - meanX;
    const dy = y[i]! - meanY;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : 0;
}

/** Inverse of a symmetric positive definite matrix (row-major, n×n) by Gauss-Jordan; the diagonal needs no pivoting. */
export function invertPositiveDefinite(matrix: readonly number[], n: number): number[] {
  const left = [...matrix];
  const right = Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
  for (let pivot = 0; pivot < n; pivot++) {
    const divisor = left[pivot * n + pivot]!;
    for (let k = 0; k < n; k++) {
      left[pivot * n + k]! /= divisor;
      right[pivot * n + k]! /= divisor;
    }
    for (let row = 0; row < n; row++) {
      const factor = left[row * n + pivot]!;
      if (row === pivot || factor === 0) continue;
      for (let k = 0; k < n; k++) {
        left[row * n + k]! -= factor * left[pivot * n + k]!;
        right[row * n + k]! -= factor * right[pivot * n + k]!;
      }
    }
  }
  return right;
}
