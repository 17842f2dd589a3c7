import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { decision } from '../examples/decide.ts';
import { REASONER_ERROR_CODES } from './errors.ts';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const readme = read('../README.md');

it('the example of the README is the file in examples/, and it ran', () => {
  expect(readme).toContain(read('../examples/decide.ts').trim());
  expect(decision.by).toBe('rules');
});

it('the README has a row for every error code, and for no other', () => {
  const section = readme.slice(readme.indexOf('## Errors'));
  const rows = [...section.matchAll(/^\| `([a-z-]+)`\s+\| (.*?)\s+\|$/gm)].map(([, code, what]) => [
    code,
    what,
  ]);
  expect(Object.fromEntries(rows)).toEqual(REASONER_ERROR_CODES);
});
