/**
 * Writes schemas/v1, generated/ and what the other languages start from (their generators are theirs) from the TypeBox sources. `--check` writes nothing, names each file that is stale, missing or
 * left over, and exits with 1 when there is one. `--root DIR` writes or checks another folder than the package's.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DOCUMENTS } from '../src/documents.ts';
import { asyncApi } from './asyncapi.ts';
import { compileValidators, validatorTypes } from './compile-validators.ts';
import { modelForm } from './model-form.ts';
import { bundleOf, documentOf, plainDefinitions } from './schema-bundle.ts';
import { staleTypes } from './stale-types.ts';

const { values: options } = parseArgs({ options: { check: { type: 'boolean' }, root: { type: 'string' } } });
const root = options.root ?? fileURLToPath(new URL('..', import.meta.url));
const folders = ['schemas/v1', 'generated'];
/** Where each keeps its copy of the schema, which it validates with. Beside it, the form that its types are generated from. */
const LANGUAGES = [
  ['python', 'python/src/shoal_protocol'],
  ['go', 'go'],
] as const;

async function outputs(): Promise<Map<string, string>> {
  const schemas = plainDefinitions();
  const files = new Map<string, string>();
  files.set('schemas/v1/shoal.schema.json', json(bundleOf(schemas)));
  files.set('schemas/v1/asyncapi.json', json(asyncApi(schemas)));
  for (const name of DOCUMENTS) files.set(`schemas/v1/${name}.schema.json`, json(documentOf(name, schemas)));
  for (const [language, folder] of LANGUAGES) {
    files.set(`${folder}/shoal.schema.json`, json(bundleOf(schemas)));
    files.set(`${language}/models.schema.json`, json(modelForm(schemas, language)));
  }
  files.set('generated/validators.js', await compileValidators(schemas, DOCUMENTS));
  files.set('generated/validators.d.ts', validatorTypes(DOCUMENTS));
  return files;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function onDisk(): string[] {
  return folders.flatMap((folder) => {
    mkdirSync(join(root, folder), { recursive: true });
    return readdirSync(join(root, folder)).map((name) => `${folder}/${name}`);
  });
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}

const wanted = await outputs();
const leftOver = onDisk().filter((path) => !wanted.has(path));
const stale = [...wanted.keys()].filter((path) => contentOf(path) !== wanted.get(path));

if (options.check === true) {
  for (const path of [...stale, ...leftOver])
    process.stderr.write(`protocol/${path} is stale: run pnpm generate\n`);
  const types = options.root === undefined ? staleTypes(root, plainDefinitions()) : [];
  for (const complaint of types) process.stderr.write(`${complaint}\n`);
  process.exitCode = stale.length + leftOver.length + types.length === 0 ? 0 : 1;
} else {
  for (const path of leftOver) rmSync(join(root, path));
  for (const path of stale) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), wanted.get(path)!);
  }
  process.stdout.write(`${wanted.size} files, ${stale.length} written, ${leftOver.length} removed\n`);
}
