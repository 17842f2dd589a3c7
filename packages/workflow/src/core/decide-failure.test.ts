import { expect, test } from 'vitest';
import { graphYaml, planOf } from '../testing/index.ts';
import { backoffMs, decideFailure } from './decide-failure.ts';
import { derivedDraw } from './derived-id.ts';

const step = (retry: string) => planOf(graphYaml({ a: [] }, { a: `retry: { ${retry} }` })).steps[0]!;

test('pauses double up to their bound (StepRetry.backoffSeconds, StepRetry.maxBackoffSeconds)', () => {
  const pauses = [1, 2, 3, 4, 5].map((attempt) =>
    backoffMs(step('backoffSeconds: 2, maxBackoffSeconds: 10'), attempt),
  );
  expect(pauses).toEqual([2_000, 4_000, 8_000, 10_000, 10_000]);
});

test('jitter shortens a pause by at most its share, the same on every supervisor (StepRetry.jitter)', () => {
  const jittery = step('backoffSeconds: 10, jitter: 0.5');
  expect(backoffMs(jittery, 1, 0)).toBe(5_000);
  expect(backoffMs(jittery, 1, 0.5)).toBe(7_500);
  expect(backoffMs(jittery, 1, 1)).toBe(10_000);
  expect(backoffMs(step('backoffSeconds: 10, jitter: 0'), 1, 0)).toBe(10_000);
  const draws = Array.from({ length: 200 }, (_, i) => derivedDraw('session', 'a', i));
  expect(derivedDraw('session', 'a', 7)).toBe(draws[7]);
  for (const draw of draws) expect(draw >= 0 && draw < 1).toBe(true);
  const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
  expect(mean).toBeGreaterThan(0.4);
  expect(mean).toBeLessThan(0.6);
});

test('a retryable failure asks for another attempt after the drawn pause, the last one for none', () => {
  const failure = {
    error: { code: 'BUSY', message: 'later', retryable: true },
    deliberate: true,
    afterIntent: false,
  };
  const twice = step('maxAttempts: 2, backoffSeconds: 10, jitter: 0.5');
  expect(decideFailure(twice, 1, failure, 0)).toEqual({ do: 'retry', delayMs: 5_000 });
  expect(decideFailure(twice, 2, failure)).toMatchObject({
    do: 'finish',
    error: { code: 'ATTEMPTS_EXHAUSTED' },
  });
});
