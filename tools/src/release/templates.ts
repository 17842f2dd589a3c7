import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert, run, startCommand } from '../ci/run-command.ts';
import { consumer, npmInstall, type Packed } from './pack.ts';

const CREATE = 'create-shoal';
/** A cold start on a busy machine. */
const ONLINE_WITHIN_MS = 60_000;
/** Projects that are tried at once. */
const AT_ONCE = 2;

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/**
 * Starts a project from every template with the packed `create-shoal`, in an empty folder, and takes it through what its README says:
 * install (from the tarballs), type check (with `skipLibCheck: false`), test, start at the broker `url`, stop.
 */
export async function useTemplates(work: string, packages: readonly Packed[], url: string): Promise<void> {
  const create = packages.find(({ name }) => name === CREATE);
  assert(create, `${CREATE} was not packed`);
  const cwd = consumer(join(work, 'templates'), [create], packages);
  await npmInstall(cwd);
  const script = `import { SCAFFOLD_KINDS } from '${CREATE}'; console.log(JSON.stringify(SCAFFOLD_KINDS));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd });
  const left = JSON.parse(stdout) as string[];
  const next = async (): Promise<void> => {
    for (let kind = left.shift(); kind !== undefined; kind = left.shift())
      await useTemplate(kind, cwd, packages, url);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}

async function useTemplate(
  kind: string,
  from: string,
  packages: readonly Packed[],
  url: string,
): Promise<void> {
  const name = `my-${kind}`;
  const cwd = join(from, name);
  const bin = join(from, 'node_modules/.bin', CREATE);
  // A unit of its own, so that the projects do not meet on the broker.
  await run(bin, [kind, name, '--unit', `unit-${kind}`], { cwd: from });
  fromTarballs(kind, cwd, packages);
  await npmInstall(cwd);
  await run('npx', ['tsc', '--skipLibCheck', 'false'], { cwd });
  await run('npm', ['test'], { cwd });
  await startAndStop(kind, cwd, url);
  console.log(`template ${kind}: installs, has types, passes its test, starts and stops`);
}

/** Nothing is released yet, so what the project asks of the registry comes from the tarballs. */
function fromTarballs(kind: string, cwd: string, packages: readonly Packed[]): void {
  const path = join(cwd, 'package.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
  const dependencies = { ...manifest.dependencies };
  const overrides: Record<string, string> = {};
  for (const { name, tarball } of packages)
    (name in dependencies ? dependencies : overrides)[name] = `file:${tarball}`;
  for (const [name, range] of Object.entries(manifest.dependencies))
    assert(!/^(workspace|link):/.test(range), `template ${kind} asks for ${name}@${range}`);
  writeFileSync(path, JSON.stringify({ ...manifest, dependencies, overrides }, null, 2));
}

async function startAndStop(kind: string, cwd: string, url: string): Promise<void> {
  const running = startCommand('npm', ['start'], {
    cwd,
    env: { ...process.env, SHOAL_BROKER_URL: url },
    timeoutMs: ONLINE_WITHIN_MS,
  });
  const online = new Promise<void>((resolve) =>
    running.child.stdout?.on('data', () => {
      if (running.output().stdout.includes('is online')) resolve();
    }),
  );
  await Promise.race([online, running.done]);
  running.child.kill('SIGTERM');
  const { code, signal, stdout, stderr } = await running.done;
  // npm ends by the signal that it handed on; `done` waits for the project's own process.
  const isStopped = code === 0 || signal === 'SIGTERM';
  const isFine = stdout.includes('is online') && stderr === '' && isStopped;
  assert(isFine, `template ${kind}: npm start ended with ${signal ?? code}\n${stdout}\n${stderr}`);
}
