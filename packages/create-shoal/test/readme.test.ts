import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { SCAFFOLD_ERROR_CODES } from '../src/index.ts';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

it('the example of the README is the file in examples/', () => {
  const example = readFileSync(new URL('../examples/start-a-project.ts', import.meta.url), 'utf8');
  expect(README).toContain(example.trim());
});

it('the table of error codes in the README is complete', () => {
  for (const [code, meaning] of Object.entries(SCAFFOLD_ERROR_CODES)) {
    expect(README).toContain(`| \`${code}\``);
    expect(README).toContain(meaning);
  }
});
