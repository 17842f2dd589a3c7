import { describe, expect, it } from 'vitest';
import type { Recording } from './skab-csv.ts';
import { steadyStretches } from './steady-stretches.ts';

/** Noise around a level that `level` gives for each row. */
const recording = (rows: number, level: (row: number) => number | null): Recording => ({
  name: 'a.csv',
  labelled: false,
  rows: Array.from({ length: rows }, (_, row) => {
    const value = level(row);
    return {
      channels: {
        flow: value === null ? null : value + ((row * 7919) % 13) / 13,
        pressure: ((row * 104_729) % 17) / 17,
      },
    };
  }),
});

describe('steadyStretches', () => {
  it('finds the stretches without a step in any channel', () => {
    const stepped = recording(3000, (row) => (row < 1000 ? 0 : row < 1100 ? 5 : 1));
    for (const fromRow of steadyStretches(stepped, 3, 600)) {
      expect(fromRow + 600 <= 1000 || fromRow >= 1100).toBe(true);
    }
  });

  it('prefers the level stretch to the rising one', () => {
    expect(
      steadyStretches(
        recording(1200, (row) => Math.max(0, 600 - row) / 20),
        1,
        600,
      ),
    ).toEqual([600]);
  });

  it('keeps them apart while there is room, and finds as many as asked for when there is none', () => {
    const steady = recording(2000, () => 0);
    const three = steadyStretches(steady, 3, 600);
    expect(three.slice(1).every((fromRow, index) => fromRow - three[index]! >= 600)).toBe(true);
    expect(new Set(steadyStretches(steady, 10, 600)).size).toBe(10);
    expect(steadyStretches(steady, 1000, 600)).toHaveLength(29);
    expect(
      steadyStretches(
        recording(500, () => 0),
        2,
        600,
      ),
    ).toEqual([]);
  });

  it('bears missing values', () => {
    expect(
      steadyStretches(
        recording(800, (row) => (row % 3 === 0 ? null : 1)),
        1,
        600,
      ),
    ).toHaveLength(1);
  });
});
