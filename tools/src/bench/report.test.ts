import { describe, expect, test } from 'vitest';
import { describeMachine } from './machine.ts';
import { toRow, type Measured } from './report.ts';
import { median, percentile, spreadOf } from './statistics.ts';
import { formatTable } from './table.ts';

describe('statistics', () => {
  test('the median of an even number of values lies between the middle two', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([5, 1, 3])).toBe(3);
    expect(median([7])).toBe(7);
  });

  test('percentiles go from the least to the greatest', () => {
    const values = Array.from({ length: 101 }, (_, index) => 100 - index);
    expect([0, 0.5, 0.99, 1].map((share) => percentile(values, share))).toEqual([0, 50, 99, 100]);
    expect(spreadOf(values)).toEqual({ min: 0, max: 100 });
  });

  test('no values have no median', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe('a row', () => {
  const measured: Measured = {
    name: 'round trip',
    unit: 'ms',
    values: [3, 2, 10],
    against: 'raw',
    baselines: [2, 2, 8],
    target: { kind: 'at-most', ratio: 1.3 },
  };

  test('compares round by round and takes the median of the ratios, not the ratio of the medians', () => {
    expect(toRow(measured)).toEqual({
      name: 'round trip',
      value: 3,
      unit: 'ms',
      baseline: 2,
      against: 'raw',
      ratio: 1.25,
      target: '<= 1.3',
      pass: true,
      spread: { value: { min: 2, max: 10 }, baseline: { min: 2, max: 8 }, ratio: { min: 1, max: 1.5 } },
    });
  });

  test('passes at the bound itself, in both directions', () => {
    expect(toRow({ ...measured, target: { kind: 'at-most', ratio: 1.25 } }).pass).toBe(true);
    expect(toRow({ ...measured, target: { kind: 'at-most', ratio: 1.24 } }).pass).toBe(false);
    expect(toRow({ ...measured, target: { kind: 'at-least', ratio: 1.25 } })).toMatchObject({
      pass: true,
      target: '>= 1.25',
    });
    expect(toRow({ ...measured, target: { kind: 'at-least', ratio: 1.26 } }).pass).toBe(false);
  });

  test('without a target only informs', () => {
    expect(toRow({ ...measured, target: undefined })).toMatchObject({ target: null, pass: null });
  });

  test('may have a bound on the value itself, which needs no baseline', () => {
    const missing = { ...measured, against: 'raw (not installed)', baselines: undefined };
    expect(toRow({ ...missing, target: { kind: 'at-most', value: 3 } })).toMatchObject({
      value: 3,
      baseline: null,
      ratio: null,
      target: '<= 3',
      pass: true,
    });
    expect(toRow({ ...missing, target: { kind: 'at-most', value: 2.9 } }).pass).toBe(false);
  });

  test('says that its baseline is not there, and passes no judgement on the ratio', () => {
    const row = toRow({ ...measured, against: 'raw (not installed)', baselines: undefined });
    expect(row).toMatchObject({ value: 3, baseline: null, ratio: null, target: '<= 1.3', pass: null });
    const report = { benchmark: 'rpc', machine: describeMachine(), rounds: 3, rows: [row], settings: {} };
    expect(formatTable(report)).toMatch(/^round trip +3 ms +raw \(not installed\) +<= 1.3$/m);
  });

  test('needs a baseline for each value', () => {
    expect(() => toRow({ ...measured, baselines: [1] })).toThrow(/round trip/);
  });

  test('is readable as a table', () => {
    const rows = [toRow(measured), toRow({ ...measured, target: undefined })];
    const report = {
      benchmark: 'rpc',
      machine: describeMachine(),
      rounds: 3,
      rows,
      settings: { broker: 'embedded' },
    };
    const table = formatTable(report);
    expect(table).toMatch(/^rpc: median of 3 rounds$/m);
    expect(table).toMatch(/^ {2}broker: embedded$/m);
    expect(table).toMatch(/^round trip +3 ms +2 ms \(raw\) +1.25 \(1 to 1.5\) +<= 1.3 +pass$/m);
  });
});
