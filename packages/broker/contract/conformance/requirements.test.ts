import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

import { requirements, withoutSubject } from './requirements.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;
const CITATION = /\bMQTT-(\d+\.\d+\.\d+-\d+)\b/g;

/** Test files by the statement that they cite. */
async function readCitations(): Promise<Map<string, Set<string>>> {
  const citations = new Map<string, Set<string>>();
  for (const folder of ['contract', 'contract/conformance', 'test']) {
    const names = await readdir(join(root, folder));
    for (const name of names.filter((one) => one.endsWith('.test.ts') && one !== 'requirements.test.ts')) {
      const source = (await readFile(join(root, folder, name), 'utf8')).replaceAll(COMMENT, '');
      for (const [, id] of source.matchAll(CITATION)) {
        const files = citations.get(id as string) ?? new Set();
        citations.set(id as string, files.add(`${folder}/${name}`));
      }
    }
  }
  return citations;
}

const citations = await readCitations();
const known = new Set(requirements.map(([id]) => id));
const binding = requirements.filter(([, binds]) => binds !== 'client').map(([id]) => id);

it('every statement that binds a server is cited by a test, or has nothing to bind here', () => {
  const untested = binding.filter((id) => !citations.has(id) && withoutSubject[id] === undefined);
  expect(untested).toEqual([]);
});

it('no statement is called without subject and tested all the same', () => {
  const listed = Object.keys(withoutSubject);
  expect(listed.filter((id) => citations.has(id) || !binding.includes(id))).toEqual([]);
});

it('no test cites a statement that there is not', () => {
  expect([...citations.keys()].filter((id) => !known.has(id))).toEqual([]);
});

it('there are 251 statements, each once', () => {
  expect([requirements.length, known.size]).toEqual([251, 251]);
});

function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] as readonly string[]).map((_, at) =>
    Math.max(...rows.map((row) => (row[at] as string).length)),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at] as number)).join(' | ')} |`;
  const [head, ...body] = rows as [readonly string[], ...(readonly string[])[]];
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

function shownBy(id: string, binds: string): string {
  const files = [...(citations.get(id) ?? [])].toSorted();
  if (files.length > 0) return files.map((file) => `\`${file}\``).join(', ');
  return withoutSubject[id] ?? (binds === 'client' ? 'binds clients only' : 'nothing');
}

it('the table in docs is up to date (vitest -u writes it)', async () => {
  const rows = requirements.map(([id, binds, summary]) => [id, binds, summary, shownBy(id, binds)]);
  const tested = binding.filter((id) => citations.has(id)).length;
  const text = `# The conformance statements of MQTT 5

All ${requirements.length} numbered statements of the OASIS standard MQTT 5.0 (appendix B), in our words; the standard is what counts. ${binding.length}
of them bind a server: ${tested} are shown by tests that cite their number (\`MQTT-…\` in the name of the test or the row of its table),
${Object.keys(withoutSubject).length} have nothing to bind in this broker, and there are no known gaps. Written by
\`contract/conformance/requirements.test.ts\` from \`requirements.ts\` beside it; that test fails when a statement that binds a server has no test.

${formatTable([['MQTT-', 'binds', 'statement', 'shown by'], ...rows])}
`;
  await expect(text).toMatchFileSnapshot(join(root, 'docs', 'requirements.md'));
});
