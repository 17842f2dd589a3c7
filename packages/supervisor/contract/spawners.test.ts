import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bundleProgram } from '@shoal/bundle';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  childProcessSpawner,
  createHost,
  inProcessSpawner,
  openRemoteHosts,
  spawnerGroup,
  workerThreadSpawner,
  type ChildProcessSpawner,
  type Spawner,
} from '../src/index.ts';
import {
  contractWork,
  SPAWNER_CASES,
  type SpawnerPlace,
  type SpawnerUnderTest,
} from '../src/testing/index.ts';
import { BROKERS, type TestBroker } from './fleet-bench.ts';

interface Place extends SpawnerPlace {
  /** The bundled program of an instance. */
  readonly program: string;
}

function processes({ url, program, maxRunning }: Place, warm = 0): ChildProcessSpawner {
  return childProcessSpawner({ url, command: process.execPath, args: [program], maxRunning, warm });
}

function ofProcesses(spawner: ChildProcessSpawner): SpawnerUnderTest {
  return { spawner, kill: () => spawner.signal('SIGKILL') };
}

async function onHosts(place: Place, inner: ChildProcessSpawner, hosts: number): Promise<SpawnerUnderTest> {
  const { url, org, unit, maxRunning } = place;
  const running = Array.from({ length: hosts }, (_, index) =>
    createHost({ url, org, unit, hostId: `h${index}`, spawner: inner, capacity: maxRunning / hosts }),
  );
  await Promise.all(running.map((host) => host.start()));
  const spawner = await openRemoteHosts({ url, org, unit, placeMs: 50 });
  return {
    spawner,
    kill: () => inner.signal('SIGKILL'),
    close: async () => {
      for (const host of running) await host.stop();
      await inner.stop();
    },
  };
}

/** Every spawner, and what is the same for all of them. */
const SPAWNERS: readonly (readonly [
  name: string,
  /** Its instances can be killed on their own. */
  canKill: boolean,
  create: (place: Place) => SpawnerUnderTest | Promise<SpawnerUnderTest>,
])[] = [
  [
    'in this process',
    false,
    ({ url, maxRunning }) => ({ spawner: inProcessSpawner({ url, blueprints: [contractWork], maxRunning }) }),
  ],
  ['a child process each', true, (place) => ofProcesses(processes(place))],
  ['child processes that wait for their order', true, (place) => ofProcesses(processes(place, 2))],
  [
    'a worker thread each',
    false,
    ({ url, program, maxRunning }) => ({ spawner: workerThreadSpawner({ url, file: program, maxRunning }) }),
  ],
  ['a remote host', true, (place) => onHosts(place, processes(place, 1), 1)],
  [
    'a group of two',
    false,
    (place) => {
      const [few, rest] = [
        inProcessSpawner({ url: place.url, blueprints: [contractWork], maxRunning: 1 }),
        processes(place),
      ];
      // With room for one in all: the processes are somewhere that nobody asks for.
      const members = [{ id: 'few', spawner: few }];
      const group: Spawner = spawnerGroup(
        place.maxRunning === 1 ? members : [...members, { id: 'rest', spawner: rest }],
      );
      return { spawner: group, close: () => rest.stop() };
    },
  ],
];

describe.each(SPAWNERS)('spawner: %s', { timeout: 180_000 }, (_, canKill, create) => {
  let broker: TestBroker;
  let program: string;

  beforeAll(async () => {
    broker = await BROKERS[0]![1]();
    program = await bundleProgram(new URL('./step-process.ts', import.meta.url));
  });
  afterAll(async () => {
    await rm(dirname(program), { recursive: true });
    await broker.stop();
  });

  const cases = SPAWNER_CASES.filter(({ kills }) => !kills || canKill);
  test.each(cases)('$title', async ({ run }) => {
    const ran = run(broker.url, async (place) => create({ ...place, program }));
    await expect(ran).resolves.toBeUndefined();
  });
});

test('processes that are started ahead say when they are ready, are replaced when they are taken, and end with the spawner', async () => {
  const program = await bundleProgram(new URL('./step-process.ts', import.meta.url));
  const broker = await BROKERS[0]![1]();
  const spawner = processes({ url: broker.url, org: 'o', unit: 'u', program, maxRunning: 4 }, 2);
  try {
    await expect.poll(() => spawner.ready).toBe(2);
    const ids = { org: 'o', unit: 'u', sessionId: 's', stepId: 'a', workflowId: 'w', blueprint: 'work' };
    let onExit: (clean: boolean) => void = () => undefined;
    const exited = new Promise<boolean>((resolve) => (onExit = resolve));
    await spawner.spawn({ kind: 'step', ...ids, attempt: 1, claimId: 'c' }, { onExit });
    expect(spawner.ready).toBe(1);
    // There is no such session: it looks, and leaves.
    expect(await exited).toBe(true);
    await expect.poll(() => spawner.ready).toBe(2);
  } finally {
    await spawner.stop();
    await broker.stop();
    await rm(dirname(program), { recursive: true });
  }
  expect(spawner.ready).toBe(0);
});

test('one that ends before an order came is replaced, without any order', async () => {
  const starts = await mkdtemp(join(tmpdir(), 'shoal-starts-'));
  // The first two end while they load.
  const program = `
    const { readdirSync, writeFileSync } = require('node:fs');
    writeFileSync(process.argv[1] + '/' + process.pid, '');
    if (readdirSync(process.argv[1]).length < 3) process.exit(1);
    process.send('ready');
    process.on('disconnect', () => process.exit());`;
  const spawner = childProcessSpawner({
    url: 'mqtt://127.0.0.1:1',
    command: process.execPath,
    args: ['-e', program, starts],
    warm: 1,
  });
  try {
    await expect.poll(() => spawner.ready, { timeout: 20_000 }).toBe(1);
    expect(await readdir(starts)).toHaveLength(3);
  } finally {
    await spawner.stop();
    await rm(starts, { recursive: true });
  }
});
