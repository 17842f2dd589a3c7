/** What the package promises about its files and about being loaded. */
import { build } from 'esbuild';
import { execFile } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as api from '../src/index.ts';
import { DOCUMENTS } from '../src/index.ts';
import { root } from './load.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'shoal-protocol-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the main entry, bundled for a browser', () => {
  const file = join(folder, 'bundle.mjs');
  let inputs: string[];
  beforeAll(async () => {
    const result = await build({
      entryPoints: [join(root, 'src/index.ts')],
      bundle: true,
      format: 'esm',
      platform: 'browser',
      minify: true,
      outfile: file,
      metafile: true,
    });
    inputs = Object.keys(result.metafile.inputs);
  });

  it('loads neither ajv nor typebox', () => {
    expect(inputs.filter((path) => /node_modules/.test(path) && !/@noble/.test(path))).toEqual([]);
    expect(inputs.filter((path) => /src\/schemas\//.test(path))).toEqual([]);
  });

  it('stays under 60 kB, gzipped', () => {
    expect(gzipSync(readFileSync(file)).byteLength).toBeLessThan(60_000);
  });

  it('validates where code may not be made from strings', async () => {
    const script = join(folder, 'script.mjs');
    writeFileSync(
      script,
      `import { validateAgentCard } from './bundle.mjs'; console.log(JSON.stringify(validateAgentCard({ name: 1 }).ok));`,
    );
    const { stdout } = await run(process.execPath, ['--disallow-code-generation-from-strings', script]);
    expect(stdout.trim()).toBe('false');
  });
});

function generate(...options: string[]): Promise<{ stdout: string; stderr: string }> {
  return run(process.execPath, ['--import', 'tsx', 'scripts/generate.ts', ...options], { cwd: root });
}

it('generated files are fresh', async () => {
  await expect(generate('--check')).resolves.toBeDefined();
});

it('generate --check fails and names each file that is stale, missing or left over', async () => {
  await generate('--root', folder);
  await expect(generate('--check', '--root', folder)).resolves.toBeDefined();
  appendFileSync(join(folder, 'schemas/v1/Task.schema.json'), ' ');
  rmSync(join(folder, 'generated/validators.js'));
  writeFileSync(join(folder, 'generated/left-over.js'), '');
  const stderr = ['schemas/v1/Task.schema.json', 'generated/validators.js', 'generated/left-over.js']
    .map((path) => `protocol/${path} is stale: run pnpm generate\n`)
    .join('');
  await expect(generate('--check', '--root', folder)).rejects.toMatchObject({ code: 1, stderr });
}, 120_000);

it('every document has a validate function of its own', () => {
  const functions = Object.keys(api).filter((name) => /^validate[A-Z]/.test(name));
  const general = ['validateDocument', 'validateParams', 'validateResult'];
  expect(functions.toSorted()).toEqual(
    [...DOCUMENTS.map((name) => `validate${name}`), ...general].toSorted(),
  );
});

describe('the README', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');

  it('lists every document and no other', () => {
    const section = readme.split('## Documents')[1]!.split('\n## ')[0]!;
    const listed = [...section.matchAll(/`([A-Z]\w+)`/g)].map((match) => match[1]!);
    expect(listed.toSorted()).toEqual([...DOCUMENTS].toSorted());
  });

  it('has a row for every error code', () => {
    const section = readme.split('## Errors')[1]!.split('\n## ')[0]!;
    const codes = [...section.matchAll(/^\| `([^`]+)`/gm)].map((match) => match[1]!);
    const tables = [api.A2A_ERRORS, api.BINDING_ERRORS, api.JSONRPC_ERRORS, api.AUTH_ERRORS];
    const ours = ['invalid-identifier', 'invalid-document', 'unknown-document'];
    expect(codes.toSorted()).toEqual([...tables.flatMap((table) => Object.keys(table)), ...ours].toSorted());
  });

  it('has an example that runs and prints what it says', async () => {
    const example = /```ts\n([\s\S]*?)```/.exec(readme)![1]!;
    mkdirSync(join(root, '.cache'), { recursive: true });
    const file = join(root, `.cache/readme-example-${process.pid}.ts`);
    writeFileSync(file, example);
    const args = ['--conditions=@shoal/source', '--import', 'tsx', file];
    const { stdout } = await run(process.execPath, args, { cwd: root }).finally(() => rmSync(file));
    const promised = [...example.matchAll(/console\.log\(.*\/\/ (.*)$/gm)].map((match) => match[1]!);
    expect(stdout.trim().split('\n')).toEqual(promised);
  });
});
