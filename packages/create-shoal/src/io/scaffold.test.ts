import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SCAFFOLD_KINDS, type ScaffoldKind } from '../core/kinds.ts';
import { scaffold } from './scaffold.ts';

const work = mkdtempSync(join(tmpdir(), 'shoal-scaffold-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const MANIFEST = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly devDependencies: Readonly<Record<string, string>>;
};
const CATALOG = readFileSync(new URL('../../../../pnpm-workspace.yaml', import.meta.url), 'utf8');

/** The range of this workspace for a package. */
function own(name: string): unknown {
  const range = MANIFEST.devDependencies[name];
  if (name.startsWith('@shoal/')) return 'link';
  if (range !== 'catalog:') return range;
  return new RegExp(`^ {2}'?${name}'?: (\\S+)$`, 'm').exec(CATALOG)?.[1];
}

function read(
  kind: ScaffoldKind,
  name: string,
): { manifest: Record<string, Record<string, string>>; text: string } {
  const { directory, files } = scaffold(kind, {
    name,
    directory: join(work, name),
    org: 'org-x',
    unit: 'unit-y',
  });
  const text = files.map((file) => readFileSync(join(directory, file), 'utf8')).join('\n');
  return { text, manifest: JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) };
}

describe.each(SCAFFOLD_KINDS)('the template %s', (kind) => {
  const { manifest, text } = read(kind, `my-${kind}`);

  it('has every placeholder filled in', () => {
    expect(text).not.toMatch(/__\w+__/);
    expect(text).toContain('org-x/unit-y');
    expect(manifest['name']).toBe(`my-${kind}`);
  });

  it('uses the versions that this workspace is tested with', () => {
    const dependencies = { ...manifest['dependencies'], ...manifest['devDependencies'] };
    const found = Object.entries(dependencies).map(([name, range]) => [
      name,
      range.replace(/^link:.*/, 'link'),
    ]);
    expect(found).toEqual(Object.keys(dependencies).map((name) => [name, own(name)]));
  });
});

it('takes other ranges for packages of Shoal, and then needs no condition', () => {
  const ranges = { '@shoal/agent-sdk': '1.2.3' };
  const { directory } = scaffold('agent', { name: 'ranged', directory: join(work, 'ranged'), ranges });
  const manifest = readFileSync(join(directory, 'package.json'), 'utf8');
  expect(manifest).toContain('"@shoal/agent-sdk": "1.2.3"');
  expect(manifest).not.toContain('conditions');
});

it('overwrites nothing', () => {
  const directory = mkdtempSync(join(work, 'taken-'));
  writeFileSync(join(directory, 'README.md'), 'mine');
  expect(() => scaffold('agent', { name: 'a', directory })).toThrow('README.md');
  expect(readdirSync(directory)).toEqual(['README.md']);
  expect(readFileSync(join(directory, 'README.md'), 'utf8')).toBe('mine');
});

it('takes a folder that is there and empty', () => {
  const directory = mkdtempSync(join(work, 'empty-'));
  expect(scaffold('agent', { name: 'a', directory }).files).toContain('src/agent.ts');
});

it('says what is in the way when the folder is a file', () => {
  const directory = join(work, 'file');
  writeFileSync(directory, '');
  expect(() => scaffold('agent', { name: 'a', directory })).toThrow(directory);
});

it('writes nothing for a name that is none', () => {
  const directory = join(work, 'nothing');
  expect(() => scaffold('agent', { name: '../nothing', directory })).toThrow('for example pump-inspector');
  expect(readdirSync(work)).not.toContain('nothing');
});
