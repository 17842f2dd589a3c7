import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const readme = read('../README.md');

test('the error table of the README has every code and no other', () => {
  const declared = [
    ...read('./core/link-error.ts')
      .split('LinkErrorDetails')[0]!
      .matchAll(/\| '([\w-]+)'/g),
  ];
  const rows = [...readme.matchAll(/^\| `([\w-]+)` +\|/gm)];
  expect(rows.map((row) => row[1])).toEqual(declared.map((code) => code[1]));
});

test('the example of the README is the one that runs', () => {
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1];
  expect(example).toBe(read('../examples/request-reply.ts'));
});
