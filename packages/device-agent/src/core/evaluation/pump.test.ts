import { describe, expect, it } from 'vitest';
import { findDataFolder } from '../../eval/files.ts';
import { evaluatePumpFolder } from '../../eval/pump.ts';
import { countConfusion, evaluatePump } from './pump.ts';
import { parsePumpCsv } from './recording.ts';

const HEADER = 'datetime;Flow;Pressure;anomaly;changepoint';

function csv(rows: number, faultFrom: number): string {
  const lines = Array.from({ length: rows }, (_, i) => {
    const at = new Date(Date.UTC(2020, 1, 8) + i * 1000).toISOString().slice(0, 19).replace('T', ' ');
    const fault = i >= faultFrom;
    return `${at};${(fault ? 20 : 32) + Math.sin(i * 1.7)};${4 + Math.cos(i * 2.3)};${fault ? '1.0' : '0.0'};0.0`;
  });
  return [HEADER, ...lines].join('\n');
}

describe('evaluatePump', () => {
  it('learns on the first 400 rows, judges the rest and pools the files', () => {
    const files = ['a', 'b'].map((name) => parsePumpCsv(name, csv(600, 500)));
    const result = evaluatePump(files);
    expect(result.samples).toBe(400);
    expect(result.files.map((file) => file.samples)).toEqual([200, 200]);
    expect(result.f1).toBeGreaterThan(0.9);
    expect(result.falseAlarmRate).toBe(0);
  });

  it('leaves out recordings without labels', () => {
    const unlabelled = parsePumpCsv('x', 'datetime;Flow\n2020-02-08 13:30:47;1');
    expect(evaluatePump([unlabelled])).toMatchObject({ samples: 0, f1: 0, files: [] });
  });

  it('does not count rows that were not judged', () => {
    expect(countConfusion([undefined, true, true, false, false], [true, true, false, true, false])).toEqual({
      truePositives: 1,
      falsePositives: 1,
      trueNegatives: 1,
      falseNegatives: 1,
    });
  });

  it('names line and column of a malformed recording', () => {
    expect(() => parsePumpCsv('f.csv', 'time;a')).toThrow('f.csv: line 1');
    expect(() => parsePumpCsv('f.csv', `${HEADER}\n2020-02-08 13:30:47;1;2;0`)).toThrow(
      'line 2 has 4 fields',
    );
    expect(() => parsePumpCsv('f.csv', `${HEADER}\nyesterday;1;2;0;0`)).toThrow('datetime is not a date');
    expect(() => parsePumpCsv('f.csv', `${HEADER}\n2020-02-08 13:30:47;1;zwei;0;0`)).toThrow(
      'column Pressure',
    );
  });

  const data = findDataFolder();
  it.skipIf(data === undefined)(
    'reaches the target on the pump recordings (skipped without SHOAL_DATA or ../shared/data)',
    () => {
      const result = evaluatePumpFolder(`${data}/pump`);
      expect(result.f1).toBeGreaterThan(0.8);
      expect(result.falseAlarmRate).toBeLessThan(0.15);
      expect(result.microsecondsPerSample).toBeLessThan(50);
    },
  );
});
