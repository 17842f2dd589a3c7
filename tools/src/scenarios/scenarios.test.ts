import { expect, test } from 'vitest';
import { readNamedTest } from './named-test.ts';
import { SCENARIOS } from './scenarios.ts';

test('scenarios 1 to 23 are there, each once', () => {
  const numbers = SCENARIOS.map(({ id }) => Number(id)).filter((id) => !Number.isNaN(id));
  expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 23 }, (_, at) => at + 1));
  expect(new Set(SCENARIOS.map(({ id }) => id)).size).toBe(SCENARIOS.length);
});

test.each(SCENARIOS.map((scenario) => [scenario.id, scenario] as const))(
  'scenario %s is tested by name, or says why not',
  async (_, { tests = [], untested }) => {
    expect(tests.length > 0).toBe(untested === undefined);
    for (const named of tests) {
      const { title, text } = await readNamedTest(named);
      expect(text).toContain(title);
      expect(title.length).toBeGreaterThan(10);
      expect(text).not.toMatch(/\b(test|it|describe)\.(skip|todo|only)\(/);
    }
  },
);
