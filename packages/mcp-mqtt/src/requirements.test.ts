import { readFile, readdir } from 'node:fs/promises';
import { expect, it } from 'vitest';

/** Rules of each section of MCP over MQTT 2025-03-26, counted in the text. */
const SECTIONS: Readonly<Record<string, number>> = {
  N: 12,
  T: 1,
  V: 1,
  P: 7,
  E: 1,
  S: 3,
  C: 2,
  D: 8,
  I: 6,
  L: 5,
  R: 2,
  X: 11,
  H: 3,
  O: 2,
  F: 5,
  A: 2,
};

const folder = new URL('../', import.meta.url);
const rows = (await readFile(new URL('requirements.md', folder), 'utf8'))
  .split('\n')
  .filter((line) => /^\| [A-Z]\d+ /.test(line))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  .map(([id = '', level = '', , tests = '']) => ({ id, level, tests }));

async function testSources(): Promise<string> {
  const texts = ['src/', 'contract/'].map(async (place) => {
    const files = await readdir(new URL(place, folder), { recursive: true });
    const tests = files.filter((file) => file.endsWith('.test.ts') && !file.endsWith('requirements.test.ts'));
    return Promise.all(tests.map((file) => readFile(new URL(place + file, folder), 'utf8')));
  });
  return (await Promise.all(texts)).flat().join('\n');
}

it('every rule of the text has its row, once', () => {
  const wanted = Object.entries(SECTIONS).flatMap(([section, count]) =>
    Array.from({ length: count }, (_, index) => `${section}${index + 1}`),
  );
  expect(rows.map(({ id }) => id)).toEqual(wanted);
});

it('every row names tests that exist, or says why there is none', async () => {
  const sources = await testSources();
  const missing: string[] = [];
  for (const { id, tests } of rows) {
    if (/^elsewhere: \S/.test(tests)) continue;
    const quoted = [...tests.matchAll(/"([^"]+)"/g)].map(([, name]) => name!);
    if (quoted.length === 0) missing.push(`${id}: no test`);
    for (const name of quoted)
      if (!["'", '"', '`'].some((quote) => sources.includes(quote + name + quote)))
        missing.push(`${id}: ${name}`);
  }
  expect(missing).toEqual([]);
});

it('no MUST is left out', () => {
  expect(rows.filter(({ level, tests }) => level === 'MUST' && /^(none|elsewhere)\b/.test(tests))).toEqual(
    [],
  );
});
