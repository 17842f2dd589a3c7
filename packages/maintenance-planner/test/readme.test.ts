import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { PLANNER_ERROR_CODES } from '../src/index.ts';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

it('the example of the README is the file in examples/, and it runs', async () => {
  const example = readFileSync(new URL('../examples/plan-a-repair.ts', import.meta.url), 'utf8');
  expect(README).toContain(example.trim());
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  await import('../examples/plan-a-repair.ts');
  expect(log.mock.calls[0]?.slice(0, 2)).toEqual(['2026-03-02T11:00:00.000Z', 'N. Okafor']);
  log.mockRestore();
});

it('the table of error codes in the README is complete', () => {
  for (const [code, meaning] of Object.entries(PLANNER_ERROR_CODES)) {
    expect(README).toContain(`| \`${code}\``);
    expect(README).toContain(meaning);
  }
});
