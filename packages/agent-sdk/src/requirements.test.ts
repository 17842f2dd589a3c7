import { readFile, readdir } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { agentContract } from './testing/index.ts';

/** Rules of each section of the profile, as the checklist counts them. */
const SECTIONS: Readonly<Record<string, number>> = {
  T: 3,
  I: 1,
  S: 6,
  DI: 3,
  DP: 3,
  DS: 5,
  PL: 2,
  LW: 4,
  PS: 5,
  RR: 12,
  RQ: 9,
  RS: 11,
  H: 7,
  C: 10,
  M: 4,
  RT: 13,
  P: 11,
  ST: 9,
  E: 2,
  Q: 1,
  U: 2,
  A: 3,
  SM: 3,
  O: 6,
  B: 10,
  N: 9,
  BS: 5,
  ED: 5,
  EM: 6,
};
const CHOICES = 32;

const folder = new URL('../', import.meta.url);
const table = await readFile(new URL('requirements.md', folder), 'utf8');
const rows = table
  .split('\n')
  .filter((line) => /^\| (choice )?[A-Z]{1,2}\d+ /.test(line))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  .map((cells) => ({ id: cells[0] ?? '', level: cells[1] ?? '', tests: cells.at(-1) ?? '' }));

async function namesOfTests(): Promise<string> {
  const places = ['src/', 'contract/', '../../protocol/test/'];
  const texts = places.map(async (place) => {
    const files = await readdir(new URL(place, folder), { recursive: true });
    const tests = files.filter((file) => file.endsWith('.test.ts') && !file.endsWith('requirements.test.ts'));
    return Promise.all(tests.map((file) => readFile(new URL(place + file, folder), 'utf8')));
  });
  return (await Promise.all(texts)).flat().join('\n');
}

it('every rule and every choice of the profile has its row, once', () => {
  const wanted = Object.entries(SECTIONS).flatMap(([section, count]) =>
    Array.from({ length: count }, (_, index) => `${section}${index + 1}`),
  );
  const choices = Array.from({ length: CHOICES }, (_, index) => `choice A${index + 1}`);
  expect(rows.map(({ id }) => id)).toEqual([...wanted, ...choices]);
  expect(wanted).toHaveLength(170);
});

it('every test that a row names exists', async () => {
  const cases = new Set(agentContract.flatMap(({ id }) => id.split(' ')));
  const names = await namesOfTests();
  const missing: string[] = [];
  for (const { id, tests } of rows) {
    if (/^(elsewhere|none)\b/.test(tests)) continue;
    for (const test of tests.replace(/:.*$/, '').includes('"')
      ? tests.split('; ')
      : tests.replace(/:.*$/, '').split('; ')) {
      const quoted = /^"(.*)"$/.exec(test)?.[1];
      if (
        quoted === undefined
          ? !cases.has(test)
          : !names.includes(quoted) && !agentContract.some((one) => one.id.includes(quoted))
      )
        missing.push(`${id}: ${test}`);
    }
  }
  expect(missing).toEqual([]);
});

it('a MUST that nothing here tests says whose it is', () => {
  const untested = rows.filter(({ level, tests }) => level === 'MUST' && /^none\b(?!:)/.test(tests));
  expect(untested).toEqual([]);
});
