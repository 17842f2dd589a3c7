import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('the example of the README is the file in examples/', () => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
  expect(read('../README.md')).toContain(read('../examples/calculator.ts').trim());
});
