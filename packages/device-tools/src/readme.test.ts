import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { DEVICE_TOOL_ERROR_CODES } from './core/errors.ts';
import { REFUSAL_CODES } from './core/refusal.ts';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const readme = read('../README.md');

it('the example of the README is the file in examples/', () => {
  expect(readme).toContain(read('../examples/valve.ts').trim());
});

it('every refusal and error code has its row in the README, and the README has no other', () => {
  const codes = { ...REFUSAL_CODES, ...DEVICE_TOOL_ERROR_CODES };
  const rows = [...readme.matchAll(/^\| `([a-z]+(?:-[a-z]+)+|interlock)` +\| (.+?) +\|$/gm)];
  expect(Object.fromEntries(rows.map(([, code, text]) => [code, text]))).toEqual(codes);
});
