import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { defineBlueprint, type SpawnOrder } from '@shoal/workflow';
import { graphYaml } from '@shoal/workflow/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { childProcessSpawner, inProcessSpawner, workerThreadSpawner, type Spawner } from '../src/index.ts';
import { bundle } from './bundle.ts';
import { BROKERS, FleetBench, type TestBroker } from './fleet-bench.ts';

interface Place {
  readonly url: string;
  /** The bundled program of an instance. */
  readonly program: string;
  readonly maxRunning?: number;
}

/** In this process: what `contract/step-process.ts` does in its own. */
const work = defineBlueprint({
  id: 'work',
  description: 'Works for a while.',
  run: async ({ stepId, results, variables, signal, link, unit }) => {
    await link.publish(`test/${unit}/told`, JSON.stringify({ word: 'started', stepId }), { qos: 1 });
    await new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, Number(variables['workMs'] ?? 50));
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      });
    });
    return { output: [stepId, ...Object.values(results).map(String)].join('<') };
  },
});

/** Every spawner, and what is the same for all of them. */
const SPAWNERS: readonly (readonly [name: string, create: (place: Place) => Spawner])[] = [
  [
    'in this process',
    ({ url, maxRunning = 100 }) => inProcessSpawner({ url, blueprints: [work], maxRunning }),
  ],
  [
    'a child process each',
    ({ url, program, maxRunning = 100 }) =>
      childProcessSpawner({ url, command: process.execPath, args: [program], maxRunning }),
  ],
  [
    'child processes that wait for their order',
    ({ url, program, maxRunning = 100 }) =>
      childProcessSpawner({ url, command: process.execPath, args: [program], maxRunning, warm: 2 }),
  ],
  [
    'a worker thread each',
    ({ url, program, maxRunning = 100 }) => workerThreadSpawner({ url, file: program, maxRunning }),
  ],
];

describe.each(SPAWNERS)('spawner: %s', { timeout: 40_000 }, (_, create) => {
  let broker: TestBroker;
  let program: string;
  let fleet: FleetBench;
  const spawners: Spawner[] = [];

  beforeAll(async () => {
    broker = await BROKERS[0]![1]();
    program = await bundle('./step-process.ts');
  });
  afterEach(async () => {
    await Promise.all(spawners.splice(0).map((spawner) => spawner.stop()));
    await fleet.close();
  });
  afterAll(async () => {
    await rm(dirname(program), { recursive: true });
    await broker.stop();
  });

  async function open(maxRunning?: number): Promise<Spawner> {
    fleet = await FleetBench.open(broker.url);
    const place = { url: broker.url, program, ...(maxRunning === undefined ? {} : { maxRunning }) };
    const spawner = create(place);
    spawners.push(spawner);
    return spawner;
  }

  /** An order that nobody planned: its instance looks, finds no session, and leaves. */
  function orderOf(stepId: string): SpawnOrder {
    return {
      kind: 'step',
      org: 'o',
      unit: fleet.unit,
      sessionId: '3f0c2f7e-7a63-4a0b-9d0e-5a8f4f1f2a01',
      stepId,
      attempt: 1,
      claimId: 'c1',
      workflowId: 'flow',
      blueprint: 'work',
    };
  }

  function spawnAndWait(spawner: Spawner, stepId: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
      spawner.spawn(orderOf(stepId), { onExit: resolve }).catch(reject);
    });
  }

  test('instances carry a session to its end, and are gone then', async () => {
    const spawner = await open();
    await fleet.supervise(graphYaml({ a: [], b: ['a'], c: ['a', 'b'] }), [], { spawner });
    const task = await fleet.ask();
    expect(task.artifacts?.at(-1)?.parts).toEqual([{ data: 'c<a<b<a' }]);
    while (spawner.running > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test('it says when an instance ended, and that it ended cleanly; several orders one after the other', async () => {
    const spawner = await open();
    expect(await spawnAndWait(spawner, 'a')).toBe(true);
    expect(await spawnAndWait(spawner, 'b')).toBe(true);
    expect(await spawnAndWait(spawner, 'c')).toBe(true);
    expect(spawner.running).toBe(0);
  });

  test('it counts what runs and refuses one more than it has room for', async () => {
    const spawner = await open(1);
    expect(spawner.capacity).toBe(1);
    const first = spawnAndWait(spawner, 'a');
    await expect(spawner.spawn(orderOf('b'))).rejects.toThrow('1 ');
    expect(await first).toBe(true);
    expect(await spawnAndWait(spawner, 'c')).toBe(true);
  });

  test('one that is stopped takes no order, and stopping twice is fine', async () => {
    const spawner = await open();
    await spawner.stop();
    await spawner.stop();
    await expect(spawner.spawn(orderOf('a'))).rejects.toThrow('stopped');
  });
});
