import type { PlannedStep, StepResult } from '@shoal/protocol';
import { describe, expect, test } from 'vitest';
import { completed, ended, graphYaml, planOf, T0 } from '../testing/index.ts';
import { readinessOf, requiredCount } from './readiness.ts';
import { isoTime } from './time.ts';

const joined = (join: string): PlannedStep =>
  planOf(graphYaml({ a: [], b: [], c: [], end: ['a', 'b', 'c'] }, { end: `join: ${join}` })).steps.at(-1)!;
const ready = (join: string, results: readonly StepResult[], now = T0) =>
  readinessOf(joined(join), (id) => results.find(({ stepId }) => stepId === id), now);

test.each([
  ['{ percent: 1 }', 1],
  ['{ percent: 34 }', 2],
  ['{ percent: 66 }', 2],
  ['{ percent: 67 }', 3],
  ['{ percent: 100 }', 3],
  ['{ atLeast: 2 }', 2],
  ['any', 1],
  ['all', 3],
  ['{ withinSeconds: 1 }', 3],
])('join %s of three needs wants %i', (join, count) => {
  expect(requiredCount(joined(join))).toBe(count);
});

describe('a join with a deadline', () => {
  const at = (id: string, ms: number) => completed(id, null, { at: isoTime(T0 + ms) });

  test('waits for ever for the first, and so long for the others', () => {
    expect(ready('{ withinSeconds: 5 }', [], T0 + 60_000)).toEqual({
      ready: 'waiting',
      for: ['a', 'b', 'c'],
    });
    expect(ready('{ withinSeconds: 5 }', [at('b', 1_000), at('a', 2_000)], T0 + 5_999)).toEqual({
      ready: 'waiting',
      for: ['c'],
      untilMs: T0 + 6_000,
    });
  });

  test('fails by name, or runs with those that are there', () => {
    expect(ready('{ withinSeconds: 5 }', [at('a', 0)], T0 + 5_000)).toMatchObject({
      ready: 'never',
      state: 'failed',
      error: { code: 'JOIN_TIMEOUT' },
    });
    expect(ready('{ withinSeconds: 5, onTimeout: run }', [at('a', 0)], T0 + 5_000)).toEqual({ ready: 'yes' });
  });

  test('does not matter once enough have come, or all have ended', () => {
    expect(ready('{ atLeast: 1, withinSeconds: 5 }', [at('a', 0)], T0 + 60_000)).toEqual({ ready: 'yes' });
    const all = ['a', 'b', 'c'].map((id) => ended(id, 'failed'));
    expect(ready('{ withinSeconds: 5, onTimeout: run }', all, T0 + 60_000)).toMatchObject({
      state: 'skipped',
    });
  });
});
