import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createBroker } from '@shoal/broker';
import { build } from 'esbuild';
import { LAYERS } from '../layers/layers.ts';
import { assert, ROOT, run, startCommand, type RunningCommand } from './run-command.ts';

/**
 * Packs every package as it would be published and uses the tarballs from outside: each installs and imports alone in an empty
 * project; together they compile a consumer with `skipLibCheck: false`, and every `ts` example of their READMEs runs.
 */
interface Packed {
  readonly name: string;
  readonly folder: string;
  readonly tarball: string;
}

const PNPM = ['-y', 'pnpm@12.21.0'];
const work = mkdtempSync(join(tmpdir(), 'shoal-pack-'));
/** An example that serves something runs on: after this it counts as running. */
const EXAMPLE_RUNS_MS = 6_000;

try {
  await run('npx', [...PNPM, 'run', 'build']);
  const packages = await packAll();
  for (const packed of packages) await installAlone(packed, packages);
  const broker = createBroker({ allowAnonymous: true });
  const { tcp } = await broker.start();
  await compileAndRunExamples(packages, tcp?.url ?? '');
  await bundleForBrowsers();
  await broker.stop();
  console.log(`${packages.length} packages packed, installed and used`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

async function packAll(): Promise<Packed[]> {
  const packed: Packed[] = [];
  for (const [name, { folder }] of Object.entries(LAYERS)) {
    const target = join(work, 'tarballs', name.replace('@shoal/', ''));
    mkdirSync(target, { recursive: true });
    await run('npx', [...PNPM, 'pack', '--pack-destination', target], { cwd: join(ROOT, folder) });
    const file = readdirSync(target).find((entry) => entry.endsWith('.tgz'));
    assert(file, `${name}: pack wrote no tarball`);
    packed.push({ name, folder, tarball: join(target, file) });
    await checkContents(name, join(target, file));
  }
  return packed;
}

async function checkContents(name: string, tarball: string): Promise<void> {
  const { stdout } = await run('tar', ['-tzf', tarball]);
  const files = stdout.trim().split('\n');
  for (const wanted of [
    'package/README.md',
    'package/LICENSE',
    'package/dist/index.js',
    'package/dist/index.d.ts',
  ])
    assert(files.includes(wanted), `${name}: ${wanted} is missing in the tarball`);
  const stray = files.filter(
    (file) =>
      !file.startsWith('package/templates/') && /\.test\.|tsbuildinfo|node_modules|\/src\//.test(file),
  );
  assert(stray.length === 0, `${name}: the tarball holds ${stray.join(', ')}`);
  const manifest = JSON.parse((await run('tar', ['-xOzf', tarball, 'package/package.json'])).stdout) as {
    readonly exports: object;
  };
  assert(
    !JSON.stringify(manifest.exports).includes('@shoal/source'),
    `${name}: the packed exports name the source condition`,
  );
  assert(!JSON.stringify(manifest).includes('workspace:'), `${name}: a workspace: range was packed`);
}

function project(
  folder: string,
  dependencies: readonly Packed[],
  all: readonly Packed[],
  extra: object = {},
): string {
  const path = join(work, folder);
  mkdirSync(path, { recursive: true });
  const file = (packed: Packed): string => `file:${packed.tarball}`;
  const manifest = {
    name: 'consumer',
    private: true,
    type: 'module',
    dependencies: {
      ...Object.fromEntries(dependencies.map((packed) => [packed.name, file(packed)])),
      ...extra,
    },
    overrides: Object.fromEntries(
      all.filter((packed) => !dependencies.includes(packed)).map((packed) => [packed.name, file(packed)]),
    ),
  };
  writeFileSync(join(path, 'package.json'), JSON.stringify(manifest, null, 2));
  return path;
}

async function install(cwd: string): Promise<void> {
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts'], { cwd });
}

async function installAlone(packed: Packed, all: readonly Packed[]): Promise<void> {
  const cwd = project(`alone-${packed.name.replace('@shoal/', '')}`, [packed], all);
  await install(cwd);
  const script = `const names = Object.keys(await import('${packed.name}')); if (names.length === 0) throw new Error('no exports');`;
  await run(process.execPath, ['--input-type=module', '-e', script], { cwd });
  console.log(`${packed.name} installs and imports alone`);
}

async function compileAndRunExamples(packages: readonly Packed[], url: string): Promise<void> {
  const compiler = { typescript: catalogVersion('typescript'), '@types/node': catalogVersion('@types/node') };
  const cwd = project('together', packages, packages, compiler);
  await install(cwd);
  const examples: string[] = [];
  for (const { name, folder } of packages) {
    const readme = readFileSync(join(ROOT, folder, 'README.md'), 'utf8');
    const blocks = [...readme.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
    assert(blocks.length > 0, `${name}: the README has no runnable example (a \`\`\`ts block)`);
    blocks.forEach((block, index) => {
      const file = `${name.replace('@shoal/', '')}-${index + 1}`;
      writeFileSync(join(cwd, `${file}.ts`), onFreePorts(block, url));
      examples.push(file);
    });
  }
  const compilerOptions = {
    target: 'es2022',
    module: 'nodenext',
    strict: true,
    skipLibCheck: false,
    types: ['node'],
    outDir: 'out',
  };
  writeFileSync(join(cwd, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { cwd });
  const serving: RunningCommand[] = [];
  for (const example of examples) {
    const running = await runExample(example, cwd);
    if (running !== undefined) serving.push(running);
  }
  for (const { child, done } of serving) {
    child.kill('SIGKILL');
    await done;
  }
}

/** What promises to run in a browser bundles for one, as it is published: nothing of Node is left over. */
async function bundleForBrowsers(): Promise<void> {
  for (const name of ['protocol', 'mqtt-link', 'registry-client', 'agent-sdk']) {
    const { metafile } = await build({
      stdin: { contents: `export * from '@shoal/${name}';`, resolveDir: join(work, 'together') },
      bundle: true,
      platform: 'browser',
      format: 'esm',
      write: false,
      metafile: true,
      logLevel: 'silent',
    });
    const left = Object.values(metafile.outputs).flatMap(({ imports }) => imports);
    assert(left.length === 0, `@shoal/${name} for browsers still imports ${JSON.stringify(left)}`);
    console.log(`@shoal/${name} bundles for browsers`);
  }
}

/** Runs an example to its end. One that serves something is left running for those after it, and returned. */
async function runExample(example: string, cwd: string): Promise<RunningCommand | undefined> {
  const running = startCommand(process.execPath, [`out/${example}.js`], { cwd });
  const result = await Promise.race([running.done, delay(EXAMPLE_RUNS_MS)]);
  const { stdout, stderr } = running.output();
  const fine = result === undefined ? stderr === '' : result.code === 0;
  assert(
    fine,
    `README example ${example}: ${result?.signal ?? result?.code ?? 'runs, with errors'}\n${stdout}\n${stderr}`,
  );
  console.log(`README example ${example} ${result === undefined ? 'serves' : 'runs'}`);
  return result === undefined ? running : undefined;
}

/** The examples name the usual ports; a check takes free ones. */
function onFreePorts(block: string, url: string): string {
  return block.replaceAll('mqtt://127.0.0.1:1883', url).replaceAll(/port: (1883|8083)/g, 'port: 0');
}

/** The version that the workspace itself uses. */
function catalogVersion(name: string): string {
  const catalog = readFileSync(join(ROOT, 'pnpm-workspace.yaml'), 'utf8');
  const version = new RegExp(`^ {2}["']?${name}["']?: (\\S+)$`, 'm').exec(catalog)?.[1];
  assert(version, `pnpm-workspace.yaml has no catalog entry for ${name}`);
  return version;
}
