import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { REGISTRY_ERROR_CODES } from './index.ts';

it('the README has a row for every error code, and for no other', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const section = readme.slice(readme.indexOf('## Errors'), readme.indexOf('## Bounds'));
  const rows = [...section.matchAll(/^\| `([a-z-]+)`\s+\| (.*?)\s+\|$/gm)].map(([, code, when]) => [
    code,
    when,
  ]);
  expect(Object.fromEntries(rows)).toEqual(REGISTRY_ERROR_CODES);
});
