import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { assert, ROOT, run } from '../ci/run-command.ts';
import { runExamples, type Consumer } from './examples.ts';
import { consumer, npmInstall, type Packed } from './pack.ts';

/** The versions of Node that the packages promise to run on. */
export const NODES = ['20', '22', '24', '26'] as const;

/** The interpreter of that version, from the package `node`, in a cache beside the repository's other ones. */
export async function nodeOf(version: string): Promise<string> {
  if (process.versions.node.startsWith(`${version}.`)) return process.execPath;
  const folder = join(ROOT, `.cache/node-${version}`);
  const program = join(folder, 'node_modules/node/bin/node');
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  await run('npm', [
    'install',
    '--no-save',
    '--no-audit',
    '--no-fund',
    '--prefix',
    folder,
    `node@${version}`,
  ]);
  assert(existsSync(program), `node@${version} brought no interpreter`);
  return program;
}

/** Installs all tarballs into an empty project with this Node, imports every package, and runs the examples of the READMEs. */
export async function useWith(
  version: string,
  work: string,
  packages: readonly Packed[],
  compiled: Consumer,
  examples: boolean,
): Promise<void> {
  const node = await nodeOf(version);
  const npm = (await run('npm', ['root', '--global'])).stdout.trim();
  const cwd = consumer(join(work, `node-${version}`), packages, packages);
  rmSync(join(cwd, 'node_modules'), { recursive: true, force: true });
  await npmInstall(cwd, [node, join(npm, 'npm/bin/npm-cli.js')]);
  const names = packages.map(({ name }) => name);
  const script = `for (const name of ${JSON.stringify(names)}) if (Object.keys(await import(name)).length === 0) throw new Error(name);
    console.log(process.versions.node);`;
  const { stdout } = await run(node, ['--input-type=module', '-e', script], { cwd });
  console.log(`Node ${stdout.trim()}: ${names.length} packages install and import`);
  if (examples) await runExamples(compiled, node);
}
