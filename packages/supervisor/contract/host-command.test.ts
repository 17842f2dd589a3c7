import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { authenticateUsers, createBroker, hashPassword } from '@shoal/broker';
import { bundleProgram } from '@shoal/bundle';
import { graphYaml } from '@shoal/workflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRemoteHosts } from '../src/index.ts';
import { BROKERS, FleetBench, type TestBroker } from './fleet-bench.ts';

let broker: TestBroker;
let command: string;
let stepProgram: string;

beforeAll(async () => {
  broker = await BROKERS[0]![1]();
  [command, stepProgram] = await Promise.all([
    bundleProgram(new URL('../src/bin/main.ts', import.meta.url)),
    bundleProgram(new URL('./step-process.ts', import.meta.url)),
  ]);
});
afterAll(async () => {
  await Promise.all([command, stepProgram].map((file) => rm(dirname(file), { recursive: true })));
  await broker.stop();
});

const run = (...args: readonly string[]) => runWith({}, ...args);

function runWith(env: NodeJS.ProcessEnv, ...args: readonly string[]) {
  return spawn(process.execPath, [command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
}

test(
  'the command is a host: it starts the program for each order, and leaves when it is told to',
  { timeout: 180_000 },
  async () => {
    const fleet = await FleetBench.open(broker.url);
    const { unit } = fleet;
    const places = ['--url', broker.url, '--org', 'o', '--unit', unit, '--id', 'edge'];
    const child = run(
      ...places,
      '--label',
      'site=north',
      '--capacity',
      '5',
      '--',
      process.execPath,
      stepProgram,
    );
    try {
      await once(child.stdout, 'data');
      const hosts = await openRemoteHosts({ url: broker.url, org: 'o', unit });
      const yaml = graphYaml({ a: [], b: ['a'] }, { a: 'placement: { labels: { site: north } }' });
      await fleet.supervise(yaml, [], { spawner: hosts });
      expect((await fleet.ask({}, undefined, 150_000)).artifacts?.at(-1)?.parts).toEqual([{ data: 'b<a' }]);
      child.kill('SIGTERM');
      expect((await once(child, 'exit'))[0]).toBe(0);
    } finally {
      child.kill('SIGKILL');
      await fleet.close();
    }
  },
);

test(
  'the command reads its password from a file, but for the line break at its end',
  { timeout: 60_000 },
  async () => {
    const user = { username: 'host', passwordHash: await hashPassword('two words ') };
    const closed = createBroker({ authenticate: authenticateUsers([user]), authorize: () => true });
    const url = (await closed.start()).tcp!.url;
    const folder = await mkdtemp(join(tmpdir(), 'shoal-host-'));
    const file = join(folder, 'password');
    await writeFile(file, 'two words \n');
    const start = (id: string, env: NodeJS.ProcessEnv, ...args: readonly string[]) => {
      const places = ['--url', url, '--org', 'o', '--unit', 'u', '--id', id];
      return runWith({ SHOAL_USERNAME: 'host', ...env }, ...places, ...args, '--', process.execPath);
    };
    const children = [start('a', {}, '--password-file', file), start('b', { SHOAL_PASSWORD_FILE: file })];
    try {
      const firsts = children.map((child) => Promise.race([once(child.stdout, 'data'), once(child, 'exit')]));
      expect((await Promise.all(firsts)).map(([said]) => String(said))).toEqual([
        'host a takes orders\n',
        'host b takes orders\n',
      ]);
    } finally {
      for (const child of children) child.kill('SIGKILL');
      await closed.stop();
      await rm(folder, { recursive: true });
    }
  },
);

test.each([
  [['--org', 'o', '--', 'node'], '--url is missing'],
  [['--url', 'mqtt://x', '--org', 'o/x', '--unit', 'u', '--', 'node'], '--org must be letters'],
  [['--url', 'mqtt://x', '--org', 'o', '--unit', 'u'], 'PROGRAM is missing'],
  [
    ['--url', 'mqtt://x', '--org', 'o', '--unit', 'u', '--label', 'x', '--', 'node'],
    '--label must be NAME=VALUE',
  ],
  [['--url', 'mqtt://x', '--org', 'o', '--unit', 'u', '--capacity', '0', '--', 'node'], '--capacity must be'],
  [
    ['--url', 'mqtt://x', '--org', 'o', '--unit', 'u', '--password-file', '/none', '--', 'node'],
    '--password-file: /none cannot be read',
  ],
])('a mistake on the command line is named: %j', { timeout: 30_000 }, async (args, message) => {
  const child = run(...args);
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  expect(code).toBe(2);
  expect(text).toContain(message);
  expect(text).toContain('usage:');
});
