import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { COORDINATOR_ERROR_CODES } from './index.ts';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

it('the example of the README is the file in examples/, and it runs', async () => {
  const example = readFileSync(new URL('../examples/coordinate.ts', import.meta.url), 'utf8');
  expect(README).toContain(example.trim());
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  await import('../examples/coordinate.ts');
  const [text, assumptions] = log.mock.calls[0] ?? [];
  log.mockRestore();
  expect(text).toContain('WO-3F0C2F7E: inner-race at bearing-drive-end (97 %)');
  expect(String(assumptions)).toContain('pump-02 did not answer');
}, 60_000);

it('the table of error codes in the README is complete', () => {
  for (const [code, meaning] of Object.entries(COORDINATOR_ERROR_CODES)) {
    expect(README).toContain(`| \`${code}\``);
    expect(README).toContain(meaning);
  }
});
