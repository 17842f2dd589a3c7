import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { bundleProgram } from '@shoal/bundle';
import { createBroker, type Broker } from '@shoal/broker';
import { looksAtItself, SPAWNER_CASES, stepOrder, type SpawnerPlace } from '@shoal/supervisor/testing';
import type { StepOrder } from '@shoal/workflow';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openDockerSpawner, type ContainerRecipe, type DockerSpawnerOptions } from '../src/index.ts';
import { findEngine, importStepImage, type RealEngine } from './real-engine.ts';

const engine = await findEngine();
const missing = 'missing' in engine ? engine.missing : undefined;
const { docker, socketPath, network, gateway, close } = engine as RealEngine;
if (missing !== undefined) console.log(`no Docker engine to run containers on: ${missing}`);

const IMAGE = `shoal-test-steps:${randomUUID().slice(0, 8)}`;
const NODE = process.execPath;

/** What a container finds about itself; it ends cleanly when all of it is as it should be. */
const LOOKS_AT_ITSELF = looksAtItself(
  {
    user: 'process.getuid() === 65534 && process.getgid() === 65534',
    processes: `read(cgroup + 'pids.max', cgroup + 'pids/pids.max') === '40'`,
  },
  'console.error(wrong);',
);
const SLEEPS = 'setTimeout(() => {}, 120_000)';
const EATS = 'const eaten = []; for (;;) eaten.push(Buffer.alloc(8_000_000, 1))';

const program = (text: string, more: Partial<ContainerRecipe> = {}): ContainerRecipe => ({
  image: IMAGE,
  command: [NODE, '-e', text],
  ...more,
});

describe.skipIf(missing !== undefined)('spawner: Docker, on a real engine', { timeout: 180_000 }, () => {
  let broker: Broker;
  let url: string;
  let file: string;
  /** Of each test, so that none counts what another left. */
  let owner = '';
  const spawners: Awaited<ReturnType<typeof openDockerSpawner>>[] = [];

  beforeAll(async () => {
    file = await bundleProgram(new URL('./step-process.ts', import.meta.url));
    await importStepImage(docker, IMAGE, file);
    broker = createBroker({ allowAnonymous: true, listen: { tcp: { host: gateway } } });
    url = (await broker.start()).tcp?.url ?? '';
  }, 120_000);
  afterEach(async () => {
    for (const spawner of spawners.splice(0)) await spawner.stop();
    for (const { Id } of await mine()) await removed(Id);
    owner = '';
  });
  afterAll(async () => {
    await docker.getImage(IMAGE).remove({ force: true });
    await broker.stop();
    await close();
    await rm(dirname(file), { recursive: true });
  });

  const mine = () => {
    owner ||= `test-${randomUUID()}`;
    return docker.listContainers({ all: true, filters: { label: [`shoal.owner=${owner}`] } });
  };
  const removed = (id: string) =>
    docker
      .getContainer(id)
      .remove({ force: true })
      .catch(() => undefined);

  const open = async (more: Partial<DockerSpawnerOptions> = {}) => {
    owner ||= `test-${randomUUID()}`;
    const spawner = await openDockerSpawner({
      url,
      owner,
      network,
      recipes: {
        work: program('', { command: [NODE, `/${basename(file)}`] }),
        sleeps: program(SLEEPS),
        eats: program(EATS, { memoryBytes: 67_108_864 }),
        looks: program(LOOKS_AT_ITSELF, { memoryBytes: 67_108_864, cpus: 0.25, maxProcesses: 40 }),
      },
      ...more,
    });
    spawners.push(spawner);
    return spawner;
  };

  const order = (more: Partial<StepOrder> = {}) => stepOrder({ blueprint: 'sleeps', ...more });

  /** Starts it; resolves at its end. */
  const ended = async (
    spawner: Awaited<ReturnType<typeof open>>,
    given: StepOrder,
  ): Promise<{ readonly end: Promise<boolean> }> => {
    let tell: (clean: boolean) => void;
    const end = new Promise<boolean>((resolve) => (tell = resolve));
    await spawner.spawn(given, { onExit: (clean) => tell(clean) });
    return { end };
  };

  test.each(SPAWNER_CASES)('$title', async ({ run }) => {
    const ran = run(url, async ({ maxRunning }: SpawnerPlace) => ({
      spawner: await open({ maxRunning }),
      kill: async () => {
        for (const { Id, State } of await mine())
          if (State === 'running') await docker.getContainer(Id).kill();
      },
    }));
    await expect(ran).resolves.toBeUndefined();
  });

  test('what a container may do and use is what its recipe says', async () => {
    const spawner = await open();
    expect(await (await ended(spawner, order({ blueprint: 'looks' }))).end).toBe(true);
  });

  test('a container that takes more memory than it may is ended, and that is no clean end', async () => {
    const spawner = await open();
    const oom = await docker.getEvents({ filters: { event: ['oom'], label: [`shoal.owner=${owner}`] } });
    const happened = new Promise((resolve) => oom.once('data', resolve));
    expect(await (await ended(spawner, order({ blueprint: 'eats' }))).end).toBe(false);
    await happened;
    (oom as NodeJS.ReadableStream & { destroy(): void }).destroy();
  });

  test('labels tell what it is, its secret is in the environment alone, and nothing of it stays', async () => {
    const spawner = await open({ username: 'name', password: 'secret-word', env: { LANG: 'C' } });
    const given = order();
    const { end } = await ended(spawner, given);
    const [{ Id, Labels } = { Id: '', Labels: {} }] = await mine();
    expect(Labels).toMatchObject({
      'shoal.owner': owner,
      'shoal.org': 'o',
      'shoal.unit': 'u',
      'shoal.session': given.sessionId,
      'shoal.step': 'a',
      'shoal.attempt': '1',
    });
    const { Config, Path, Args, Name, State } = await docker.getContainer(Id).inspect();
    expect(State.Running).toBe(true);
    expect(Config.Env).toEqual(expect.arrayContaining(['SHOAL_PASSWORD=secret-word', 'LANG=C']));
    expect(JSON.stringify([Path, Args, Name, Config.Cmd, Labels])).not.toContain('secret-word');
    await docker.getContainer(Id).kill();
    expect(await end).toBe(false);
    await expect.poll(() => spawner.running).toBe(0);
    expect(await mine()).toEqual([]);
  });

  test('one that opens again counts what runs, knows its orders again, and removes it at its end', async () => {
    const before = await open();
    const given = order();
    await before.spawn(given);
    await before.stop();
    const after = await open();
    expect(after.running).toBe(1);
    const [{ Id } = { Id: '' }] = await mine();
    const { end } = await ended(after, given);
    expect(after.running).toBe(1);
    expect((await mine()).map((container) => container.Id)).toEqual([Id]);
    const stranger = await open({ owner: 'another' });
    expect(stranger.running).toBe(0);
    await docker.getContainer(Id).kill();
    expect(await end).toBe(false);
    await expect.poll(() => after.running).toBe(0);
    expect(await mine()).toEqual([]);
  });

  test('what ended while nobody looked is removed when one opens again', async () => {
    const before = await open();
    await before.spawn(order());
    await before.stop();
    const [{ Id } = { Id: '' }] = await mine();
    await docker.getContainer(Id).kill();
    await docker.getContainer(Id).wait();
    expect((await mine()).map(({ State }) => State)).toEqual(['exited']);
    const after = await open();
    expect(after.running).toBe(0);
    expect(await mine()).toEqual([]);
  });

  test('two that are given one order make one container', async () => {
    const [one, other] = [await open(), await open()];
    const given = order();
    await Promise.all([one.spawn(given), other.spawn(given), one.spawn(given)]);
    expect(await mine()).toHaveLength(1);
    expect([one.running, other.running]).toEqual([1, 1]);
  });

  test('an attempt that was superseded is removed, and told as not clean', async () => {
    const spawner = await open();
    const given = order();
    const { end } = await ended(spawner, given);
    await spawner.spawn({ ...given, attempt: 2, claimId: randomUUID() });
    expect(await end).toBe(false);
    expect((await mine()).map(({ Labels }) => Labels['shoal.attempt'])).toEqual(['2']);
    expect(spawner.running).toBe(1);
  });

  test('one that somebody else removes counts as dead', async () => {
    const spawner = await open();
    const { end } = await ended(spawner, order());
    const [{ Id } = { Id: '' }] = await mine();
    await removed(Id);
    expect(await end).toBe(false);
    expect(spawner.running).toBe(0);
  });

  test('what cannot be made is said, and leaves nothing', async () => {
    const spawner = await open({
      recipes: { sleeps: program(SLEEPS, { image: 'none:1' }), work: program('', { command: ['/none'] }) },
    });
    await expect(spawner.spawn(order())).rejects.toThrow(/no such image/i);
    await expect(spawner.spawn(order({ blueprint: 'work' }))).rejects.toThrow(/no such file/);
    expect(spawner.running).toBe(0);
    expect(await mine()).toEqual([]);
  });

  test('connections to the engine break while an end is awaited: it is told all the same', async () => {
    const proxy = await breakableProxy();
    const spawner = await open({ engine: { protocol: 'http', host: '127.0.0.1', port: proxy.port } });
    const { end } = await ended(spawner, order());
    const [{ Id } = { Id: '' }] = await mine();
    proxy.breakAll();
    await docker.getContainer(Id).kill();
    expect(await end).toBe(false);
    await spawner.stop();
    await proxy.close();
  });
});

/** A way to the engine whose connections can be broken. */
async function breakableProxy(): Promise<{
  readonly port: number;
  breakAll(): void;
  close(): Promise<void>;
}> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((near) => {
    const far = connect(socketPath);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => (near.destroy(), far.destroy(), sockets.delete(socket)));
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const breakAll = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    port: (server.address() as AddressInfo).port,
    breakAll,
    close() {
      breakAll();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
