import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { assert, ROOT, run } from '../ci/run-command.ts';
import type { Packed } from './pack.ts';

/** KiB that a tarball may have: what it had when last looked at, and room to grow. More is looked at by a person, who raises it. */
export const BUDGETS = join(ROOT, 'tools/release-budgets.json');

/** What may be depended on at run time, as SPDX has it. */
const LICENCES: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Python-2.0',
  'Unlicense',
]);

/** `publint --strict`: entries exist, types and formats agree, nothing is deprecated. */
export async function lintPackage({ name, tarball }: Packed): Promise<void> {
  const file = readFileSync(tarball);
  const bytes = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
  const { messages, pkg } = await publint({ strict: true, pack: { tarball: bytes } });
  const said = messages
    .filter(({ type }) => type !== 'suggestion')
    .map((message) => formatMessage(message, pkg, { color: false }));
  assert(said.length === 0, `${name}: ${said.join('\n')}`);
}

/** `attw`: TypeScript finds the types of every entry. ESM only, so what CommonJS would see is not asked. */
export async function checkTypes({ tarball }: Packed): Promise<void> {
  const manifest = createRequire(import.meta.url).resolve('@arethetypeswrong/cli/package.json');
  const attw = join(dirname(manifest), 'dist/index.js');
  await run(process.execPath, [attw, tarball, '--profile', 'esm-only', '--format', 'ascii', '--no-color']);
}

/** Of a package that nobody has weighed yet. */
const UNWEIGHED_KIB = 100;

export function checkSize({ name, tarball }: Packed, budgets: Readonly<Record<string, number>>): string {
  const kib = Math.ceil(statSync(tarball).size / 1024);
  const budget = budgets[name] ?? UNWEIGHED_KIB;
  assert(kib <= budget, `${name} is ${kib} KiB; its budget in tools/release-budgets.json is ${budget} KiB`);
  return `${kib} of ${budget} KiB`;
}

interface Component {
  readonly name: string;
  readonly version: string;
  readonly licenses?: readonly {
    readonly license?: { readonly id?: string; readonly name?: string };
    readonly expression?: string;
  }[];
}

/** Writes the SBOM (CycloneDX) of a package from a project in which it alone is installed, and checks the licences in it. */
export async function billOfMaterials({ name, short }: Packed, cwd: string, folder: string): Promise<number> {
  const { stdout } = await run('npm', ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev'], { cwd });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${short}.cdx.json`), stdout);
  const { components } = JSON.parse(stdout) as { readonly components: readonly Component[] };
  const refused = components.filter((component) => !licencesOf(component).some(isAllowed));
  assert(
    refused.length === 0,
    `${name} would bring ${refused.map((each) => `${each.name}@${each.version} (${licencesOf(each).join(', ') || 'no licence'})`).join(', ')}`,
  );
  return components.length;
}

/** What may be chosen from. */
function licencesOf({ licenses = [] }: Component): string[] {
  return licenses.map(({ license, expression }) => expression ?? license?.id ?? license?.name ?? '');
}

/** Of `A OR B` one suffices, of `A AND B` both are needed. */
function isAllowed(expression: string): boolean {
  return expression
    .replaceAll(/[()]/g, '')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((id) => LICENCES.has(id.trim())));
}
