import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { DEVICE_AGENT_ERROR_CODES } from './errors.ts';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const readme = read('../README.md');

it('the example of the README is the file in examples/', () => {
  expect(readme).toContain(read('../examples/watch-a-pump.ts').trim());
});

it('every error code has a row in the README, and the README has no other', () => {
  const rows = [...readme.matchAll(/^\| `([a-z-]+)` +\| /gm)].map(([, code]) => code!);
  expect(rows.toSorted()).toEqual(Object.keys(DEVICE_AGENT_ERROR_CODES).toSorted());
});
