import { describe, expect, test } from 'vitest';
import { dueRuns } from './schedule.ts';

const at = (text: string) => Date.parse(`2026-03-01T${text}Z`);
const hourly = { cron: '0 * * * *' };

describe('a schedule', () => {
  test('is due at its times, each once, and says when the next is', () => {
    expect(dueRuns(hourly, at('07:30:00'), at('07:59:59'))).toEqual({
      runs: [],
      upToMs: at('07:30:00'),
      nextMs: at('08:00:00'),
    });
    const due = dueRuns(hourly, at('07:30:00'), at('08:00:00'));
    expect(due).toEqual({ runs: [at('08:00:00')], upToMs: at('08:00:00'), nextMs: at('09:00:00') });
    expect(dueRuns(hourly, due.upToMs, at('08:00:01')).runs).toEqual([]);
  });

  test.each([
    ['skip', {}, []],
    ['latest', {}, ['10:00:00']],
    ['all', {}, ['08:00:00', '09:00:00', '10:00:00']],
    ['all', { maxMissed: 2 }, ['09:00:00', '10:00:00']],
  ] as const)('times that were missed: %s %j', (missed, more, runs) => {
    const due = dueRuns({ ...hourly, missed, ...more }, at('07:30:00'), at('10:30:00'));
    expect(due.runs).toEqual(runs.map(at));
    expect(due.nextMs).toBe(at('11:00:00'));
  });

  test('a time on time is run whatever was missed before, and is not taken for a missed one', () => {
    expect(dueRuns({ ...hourly, missed: 'skip' }, at('07:30:00'), at('10:00:30')).runs).toEqual([
      at('10:00:00'),
    ]);
    expect(dueRuns({ ...hourly, missed: 'latest' }, at('07:30:00'), at('10:00:30')).runs).toEqual([
      at('10:00:00'),
    ]);
  });

  test('the clock of its time zone counts', () => {
    const nightly = { cron: '0 3 * * *', timezone: 'Europe/Berlin' };
    expect(dueRuns(nightly, at('00:00:00'), at('01:00:00')).nextMs).toBe(at('02:00:00'));
  });

  test('a clock that went back runs nothing again', () => {
    expect(dueRuns(hourly, at('08:00:00'), at('07:10:00'))).toMatchObject({
      runs: [],
      upToMs: at('08:00:00'),
    });
  });
});
