import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bundleProgram } from '@shoal/bundle';
import { createBroker, type Broker } from '@shoal/broker';
import { SPAWNER_CASES, stepOrder, type SpawnerPlace } from '@shoal/supervisor/testing';
import type { StepOrder } from '@shoal/workflow';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openDockerSpawner, type DockerSpawnerOptions } from '../src/index.ts';
import { serveEngine, type ServedEngine } from './served-engine.ts';

/** Against a served API with real processes for containers, where answers can be lost at will; see real-engine.test.ts. */
describe('spawner: Docker, over a served API', { timeout: 180_000 }, () => {
  let broker: Broker;
  let url: string;
  let program: string;
  let engine: ServedEngine;

  beforeAll(async () => {
    broker = createBroker({ allowAnonymous: true });
    url = (await broker.start()).tcp?.url ?? '';
    program = await bundleProgram(new URL('./step-process.ts', import.meta.url));
  });
  beforeEach(async () => {
    engine = await serveEngine({ 'steps:1': program });
  });
  afterEach(() => engine.stop());
  afterAll(async () => {
    await rm(dirname(program), { recursive: true });
    await broker.stop();
  });

  const open = (more: Partial<DockerSpawnerOptions> = {}) =>
    openDockerSpawner({
      url,
      owner: 'test',
      engine: { protocol: 'http', host: '127.0.0.1', port: engine.port },
      recipes: { work: { image: 'steps:1' } },
      ...more,
    });

  const order = (more: Partial<StepOrder> = {}) => stepOrder({ sessionId: 's1', claimId: 'c1', ...more });

  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  test.each(SPAWNER_CASES)('$title', async ({ run }) => {
    const ran = run(url, async ({ maxRunning }: SpawnerPlace) => ({
      spawner: await open({ maxRunning }),
      kill: () => engine.kill(),
    }));
    await expect(ran).resolves.toBeUndefined();
  });

  test('a container has limits, no rights to speak of, its labels, and its secret in the environment alone', async () => {
    const spawner = await open({ username: 'name', password: 'word', env: { LANG: 'C' } });
    await spawner.spawn(order());
    const [{ body } = { body: undefined }] = engine.created;
    expect(body).toMatchObject({
      Image: 'steps:1',
      User: '65534:65534',
      Labels: {
        'shoal.owner': 'test',
        'shoal.org': 'o',
        'shoal.unit': 'u',
        'shoal.session': 's1',
        'shoal.step': 'a',
        'shoal.attempt': '1',
      },
      HostConfig: {
        Memory: 268_435_456,
        NanoCpus: 500_000_000,
        PidsLimit: 128,
        RestartPolicy: { Name: 'no' },
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
      },
    });
    expect(body?.Env).toContain('SHOAL_PASSWORD=word');
    expect(JSON.stringify([body?.Cmd, body?.Labels])).not.toContain('word');
    await until(() => spawner.running === 0);
  });

  test.each(['create', 'start'] as const)(
    'the answer to %s is lost: the order is given again, and runs once',
    async (call) => {
      const spawner = await open();
      engine.breakAfter(call);
      await expect(spawner.spawn(order())).rejects.toThrow(/socket hang up|ECONNRESET/);
      expect(spawner.running).toBe(0);
      const ended = new Promise<boolean>((resolve, reject) => {
        spawner.spawn(order(), { onExit: resolve }).catch(reject);
      });
      expect(await ended).toBe(true);
      expect(engine.created).toHaveLength(1);
      expect(engine.containers.size).toBe(0);
    },
  );

  test.each([
    ['before', 0],
    ['after', 100],
  ])('a connection that awaits an end and breaks is opened again (%s its head)', async (_, pauseMs) => {
    const spawner = await open();
    const ended = new Promise<boolean>((resolve, reject) => {
      spawner.spawn(order(), { onExit: resolve }).catch(reject);
    });
    await until(() => [...engine.containers.values()].some(({ waiting }) => waiting.length > 0));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    engine.breakWaits();
    expect(await ended).toBe(true);
  });

  test('a spawner that opens again counts what runs, and removes it when it ends; what has ended goes at once', async () => {
    const before = await open();
    await before.spawn(order());
    await before.stop();
    await until(() => [...engine.containers.values()].every(({ state }) => state === 'exited'));
    await before.stop();
    const slow = await open({ recipes: { work: { image: 'steps:1' } } });
    expect(slow.running).toBe(0);
    await slow.spawn(order({ claimId: 'c2' }));
    const after = await open();
    expect(after.running).toBe(1);
    const stranger = await open({ owner: 'another' });
    expect(stranger.running).toBe(0);
    await until(() => after.running === 0 && engine.containers.size === 0);
  });

  test('the container of an attempt that was superseded is removed', async () => {
    const spawner = await open();
    engine.breakAfter('start');
    await expect(spawner.spawn(order())).rejects.toThrow(/socket hang up|ECONNRESET/);
    await spawner.spawn(order({ attempt: 2, claimId: 'c2' }));
    expect([...engine.containers.values()].map(({ body }) => body.Labels['shoal.attempt'])).toEqual(['2']);
    await until(() => spawner.running === 0);
  });

  test('what cannot be made is said, and leaves nothing', async () => {
    const spawner = await open({ recipes: { work: { image: 'none:1' } } });
    await expect(spawner.spawn(order())).rejects.toThrow('no such image');
    await expect(spawner.spawn(order({ blueprint: 'other' }))).rejects.toThrow(
      'no recipe for blueprint "other"',
    );
    expect(spawner.running).toBe(0);
    await expect(open({ user: 'root' }).then((one) => one.spawn(order()))).rejects.toThrow(
      'must not be root',
    );
    await expect(open({ engine: { protocol: 'http', host: '127.0.0.1', port: 1 } })).rejects.toThrow(
      'ECONNREFUSED',
    );
  });
});
