import { describe, expect, it } from 'vitest';
import { labelledShift, clearestShift } from './choose-recording.ts';
import { firstAnomaly, parseSkabCsv, SKAB_COLUMNS, type Recording } from './skab-csv.ts';

const columns = Object.keys(SKAB_COLUMNS);
const header = ['datetime', ...columns, 'anomaly', 'changepoint'].join(';');
const row = (value: string | number, anomaly = '0.0'): string =>
  ['2020-01-01 00:00:00', ...columns.map(() => value), anomaly, '0.0'].join(';');

describe('parseSkabCsv', () => {
  it('maps each column to its channel and keeps the labels apart', () => {
    const { rows, labelled } = parseSkabCsv([header, row(1.5), row(2, '1.0'), ''].join('\n'), 'a.csv');
    expect(labelled).toBe(true);
    expect(Object.keys(rows[0]!.channels).sort()).toEqual(Object.values(SKAB_COLUMNS).sort());
    expect(rows[1]).toMatchObject({
      anomaly: true,
      changepoint: false,
      channels: { vibration1: 2, flow: 2 },
    });
  });

  it('takes Windows line ends, a byte order mark, missing values and unknown columns', () => {
    const text = `\uFEFF${header};extra\r\n${row('')};x\r\n${row(-0.25)};y\r\n`;
    const { rows } = parseSkabCsv(text, 'a.csv');
    expect(rows.map(({ channels }) => channels['pressure'])).toEqual([null, -0.25]);
  });

  it('has no labels where the table has none', () => {
    const text = [header, row(1)].map((line) => line.split(';').slice(0, -2).join(';')).join('\n');
    const recording = parseSkabCsv(text, 'a.csv');
    expect(recording.labelled).toBe(false);
    expect(recording.rows[0]).not.toHaveProperty('anomaly');
  });

  it('names every malformed line and column', () => {
    const text = [header, row(1), row('abc'), 'too;short', row(1), row('Infinity')].join('\n');
    expect(() => parseSkabCsv(text, 'pump/a.csv')).toThrow(
      /pump\/a.csv line 3: "Accelerometer1RMS" is "abc", not a number/,
    );
    expect(() => parseSkabCsv(text, 'pump/a.csv')).toThrow(/line 4: 2 cells where the header has 11/);
    expect(() => parseSkabCsv(text, 'pump/a.csv')).toThrow(/line 6: "Accelerometer1RMS" is "Infinity"/);
  });

  it('names no more lines than anyone reads', () => {
    const text = [header, ...Array.from({ length: 9 }, () => row('x'))].join('\n');
    expect(() => parseSkabCsv(text, 'a.csv')).toThrow(/line 6.*; and 4 more lines/);
  });

  it.each(['', 'a;b', header])('refuses %j, which holds nothing to play', (text) => {
    expect(() => parseSkabCsv(text, 'a.csv')).toThrow(expect.objectContaining({ code: 'csv-malformed' }));
  });
});

describe('choosing a recording', () => {
  const recording = (name: string, anomalous: number, startsAt = 500): Recording => ({
    name,
    labelled: true,
    rows: Array.from({ length: 800 }, (_, index) => {
      const anomaly = index >= startsAt && index < startsAt + 200;
      const noise = ((index * 7919) % 13) / 13;
      return {
        anomaly,
        channels: { vibration1: (anomaly ? anomalous : 10) + noise, flow: anomaly ? null : 5 },
      };
    }),
  });

  it('takes the one whose channel moves most, in the direction asked for', () => {
    const all = [recording('down', 5), recording('up', 15), recording('far-up', 30), recording('still', 10)];
    expect(clearestShift(all, ['vibration1'], 1)?.recording.name).toBe('far-up');
    expect(clearestShift(all, ['vibration1'], -1)?.recording.name).toBe('down');
    expect(clearestShift([recording('still', 10)], ['vibration1'], 1)).toBeUndefined();
  });

  it('leaves out those that give a detector no time to learn, or have no labels', () => {
    expect(labelledShift(recording('early', 30, 100), ['vibration1'], 1)).toBeUndefined();
    expect(labelledShift({ name: 'none', labelled: false, rows: [] }, ['vibration1'], 1)).toBeUndefined();
    expect(firstAnomaly(recording('a', 30))).toBe(500);
  });
});
