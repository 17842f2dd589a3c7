import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bundleProgram } from '@shoal/bundle';
import { hostTopics, spawnTopic, type HostEvent, type HostRecord } from '@shoal/protocol';
import { readRetained } from '@shoal/mqtt-link';
import { defineBlueprint, type StepOrder } from '@shoal/workflow';
import { graphYaml } from '@shoal/workflow/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  createHost,
  inProcessSpawner,
  openRemoteHosts,
  type Host,
  type HostOptions,
  type RemoteHosts,
  type RemoteHostsOptions,
  type Spawner,
  type SpawnHooks,
} from '../src/index.ts';
import { stepOrder } from '../src/testing/index.ts';
import { BROKERS, FleetBench, type TestBroker } from './fleet-bench.ts';

/** Starts nothing: what it was given stands in `orders`, and ends when the test says so. */
function listSpawner(capacity = 10) {
  const orders: { order: StepOrder; hooks: SpawnHooks }[] = [];
  let running = 0;
  const spawner: Spawner = {
    capacity,
    get running() {
      return running;
    },
    spawn(order, hooks = {}) {
      running += 1;
      orders.push({ order: order as StepOrder, hooks });
      return Promise.resolve();
    },
    stop: () => Promise.resolve(),
  };
  const end = (clean: boolean): void => {
    running -= 1;
    orders.shift()?.hooks.onExit?.(clean);
  };
  return { spawner, orders, end };
}

describe.each(BROKERS)('hosts on %s', { timeout: 180_000 }, (_, startBroker) => {
  let broker: TestBroker;
  let hostProgram: string;
  let fleet: FleetBench;
  const closing: (() => unknown)[] = [];

  beforeAll(async () => {
    broker = await startBroker();
    hostProgram = await bundleProgram(new URL('./host-process.ts', import.meta.url));
  });
  afterEach(async () => {
    await fleet.close();
    for (const close of closing.splice(0).toReversed()) await close();
  });
  afterAll(async () => {
    await rm(dirname(hostProgram), { recursive: true });
    await broker.stop();
  });

  async function open(options: Partial<RemoteHostsOptions> = {}): Promise<RemoteHosts> {
    fleet = await FleetBench.open(broker.url);
    const { unit, logger } = fleet;
    const hosts = await openRemoteHosts({
      url: broker.url,
      org: 'o',
      unit,
      placeMs: 1_000,
      logger,
      ...options,
    });
    closing.push(() => hosts.stop());
    return hosts;
  }

  async function host(
    hostId: string,
    options: Partial<HostOptions> & Pick<HostOptions, 'spawner'>,
  ): Promise<Host> {
    const { unit, logger } = fleet;
    const one = createHost({ url: broker.url, org: 'o', unit, hostId, logger, ...options });
    closing.push(() => one.stop());
    await one.start();
    return one;
  }

  /** A host in a process of its own, with a process for each instance. */
  async function hostApart(hostId: string): Promise<ChildProcess> {
    const child = spawn(process.execPath, [hostProgram], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        SHOAL_TEST_URL: broker.url,
        SHOAL_TEST_UNIT: fleet.unit,
        SHOAL_TEST_HOST: hostId,
      },
    });
    closing.push(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    return child;
  }

  const order = (more: Partial<StepOrder> = {}) => stepOrder({ unit: fleet.unit, ...more });

  async function known(hosts: RemoteHosts, ...ids: readonly string[]): Promise<void> {
    while (!ids.every((id) => hosts.hosts.some((place) => place.id === id)))
      await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async function record(hostId: string): Promise<HostRecord | undefined> {
    const topic = hostTopics({ org: 'o', unit: fleet.unit, hostId }).record;
    const found = (await readRetained(fleet.link, topic)).get(topic);
    return found === undefined ? undefined : (JSON.parse(found.text()) as HostRecord);
  }

  async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  test('a host announces what it has, what runs on it, and is gone when it stops', async () => {
    await open();
    const { spawner, end } = listSpawner(4);
    const one = await host('h1', { spawner, labels: { site: 'north' }, version: '1.2.3' });
    expect(await record('h1')).toMatchObject({
      state: 'ready',
      labels: { site: 'north' },
      capacity: 4,
      running: 0,
      version: '1.2.3',
    });
    const hosts = await openRemoteHosts({ url: broker.url, org: 'o', unit: fleet.unit });
    closing.push(() => hosts.stop());
    await known(hosts, 'h1');
    await hosts.spawn(order({ placement: { weight: 3 } }));
    await until(async () => (await record('h1'))?.running === 3);
    end(true);
    await until(async () => (await record('h1'))?.running === 0);
    await one.stop();
    expect(await record('h1')).toBeUndefined();
  });

  test('the end of an instance is told to who ordered it, and how it ended', async () => {
    const hosts = await open();
    const { spawner, end } = listSpawner();
    await host('h1', { spawner });
    await known(hosts, 'h1');
    for (const clean of [true, false]) {
      const ended = new Promise<boolean>((resolve, reject) => {
        hosts.spawn(order(), { onExit: resolve }).catch(reject);
      });
      await until(() => spawner.running === 1);
      end(clean);
      expect(await ended).toBe(clean);
    }
  });

  test('what a host refuses another one gets: full, draining, labels, blueprints', async () => {
    const hosts = await open();
    const [full, wide, picky] = [listSpawner(1), listSpawner(), listSpawner()];
    await host('a-full', { spawner: full.spawner });
    const draining = await host('b-wide', { spawner: wide.spawner, labels: { site: 'north' } });
    await host('c-picky', { spawner: picky.spawner, blueprints: ['other'] });
    await known(hosts, 'a-full', 'b-wide', 'c-picky');
    await hosts.spawn(order({ placement: { labels: { site: 'north' } } }));
    expect(wide.orders).toHaveLength(1);
    await hosts.spawn(order({ blueprint: 'other', placement: { weight: 10 } }));
    expect(picky.orders).toHaveLength(1);
    for (let count = 0; count < 6; count += 1) await hosts.spawn(order());
    expect(full.orders.length + wide.orders.length).toBe(7);
    void draining.drain();
    await until(() => draining.state === 'draining' && !hosts.hosts.some(({ id }) => id === 'b-wide'));
    await expect(hosts.spawn(order({ placement: { labels: { site: 'north' } } }))).rejects.toThrow(
      'no host took the order',
    );
    expect(hosts.room?.({ labels: { site: 'north' } })).toBe('nowhere');
  });

  test('an order for nobody in particular is taken by one of them, whoever it is', async () => {
    const hosts = await open();
    const spawners = [listSpawner(), listSpawner()];
    await Promise.all(spawners.map(({ spawner }, index) => host(`h${index}`, { spawner })));
    await known(hosts, 'h0', 'h1');
    let shared = 0;
    const watch = await fleet.link.subscribe(
      spawnTopic({ org: 'o', unit: fleet.unit }),
      () => void (shared += 1),
    );
    await Promise.all(Array.from({ length: 8 }, () => hosts.spawn(order())));
    await watch.close();
    expect(shared).toBeGreaterThan(0);
    expect(spawners.map(({ orders }) => orders.length).reduce((sum, count) => sum + count)).toBe(8);
  });

  test('a claim that is ordered again is not started again; its answer and its end go to the new order', async () => {
    await open();
    const { spawner, orders, end } = listSpawner();
    await host('h1', { spawner });
    const topics = hostTopics({ org: 'o', unit: fleet.unit, hostId: 'h1' });
    const events: HostEvent[] = [];
    await fleet.link.subscribe(topics.event, (message) => {
      events.push(JSON.parse(message.text()) as HostEvent);
    });
    const one = order();
    for (const orderId of ['o1', 'o2']) {
      const at = new Date().toISOString();
      await fleet.link.publish(
        topics.order,
        JSON.stringify({ schemaVersion: 1, orderId, by: 's', order: one, at }),
      );
    }
    await until(() => events.length === 2);
    expect(orders).toHaveLength(1);
    end(true);
    await until(() => events.length === 3);
    expect(events.map(({ orderId, event }) => [orderId, event])).toEqual([
      ['o1', 'accepted'],
      ['o2', 'accepted'],
      ['o2', 'exited'],
    ]);
  });

  test('what is no order, and what is no record, is passed over', async () => {
    const hosts = await open();
    const { spawner, orders } = listSpawner();
    await host('h1', { spawner });
    await known(hosts, 'h1');
    const topics = hostTopics({ org: 'o', unit: fleet.unit, hostId: 'h1' });
    for (const text of ['', 'x', '{}', '{"schemaVersion":1,"orderId":"o","by":"s","order":{},"at":"now"}']) {
      await fleet.link.publish(topics.order, text);
      await fleet.link.publish(topics.event, text);
    }
    await fleet.link.publish(topics.record, '{"schemaVersion":1,"state":"lost"}', { retain: true });
    await hosts.spawn(order());
    expect(orders).toHaveLength(1);
    const ignored = fleet.log.filter(({ message }) => message.includes('ignored'));
    expect(JSON.stringify(ignored)).toContain('incarnation');
  });

  test('an order that nobody answers is given to another host, and when nobody is left it is reported', async () => {
    const hosts = await open({ answerMs: 100 });
    // A host by its record alone: it listens, and says nothing.
    const deaf = hostTopics({ org: 'o', unit: fleet.unit, hostId: 'a-deaf' });
    let heard = 0;
    await fleet.link.subscribe(deaf.order, () => void (heard += 1));
    const says: HostRecord = {
      schemaVersion: 1,
      hostId: 'a-deaf',
      incarnation: 'x',
      state: 'ready',
      labels: {},
      capacity: 100,
      running: 0,
      shares: false,
      version: '0',
      refreshSeconds: 60,
    };
    await fleet.link.publish(deaf.record, JSON.stringify(says), { retain: true, messageExpirySeconds: 60 });
    await known(hosts, 'a-deaf');
    await expect(hosts.spawn(order())).rejects.toThrow('no host answered in time');
    const { spawner, orders } = listSpawner();
    await host('b-awake', { spawner });
    await known(hosts, 'b-awake');
    await hosts.spawn(order());
    expect(orders).toHaveLength(1);
    expect(heard).toBeGreaterThan(0);
  });

  test('a host that drains waits for what runs, and takes nothing meanwhile', async () => {
    const hosts = await open();
    const { spawner, end } = listSpawner();
    const one = await host('h1', { spawner });
    await known(hosts, 'h1');
    await hosts.spawn(order());
    expect(await one.drain({ withinMs: 20 })).toBe(false);
    const empty = one.drain();
    expect(await record('h1')).toMatchObject({ state: 'draining', running: 1 });
    end(true);
    expect(await empty).toBe(true);
  });

  test('a host in a process of its own is killed with all that runs on it: another one carries on', async () => {
    const hosts = await open();
    const [first, second] = [await hostApart('h1'), await hostApart('h2')];
    await known(hosts, 'h1', 'h2');
    const retry = 'retry: { maxAttempts: 6, backoffSeconds: 0.05 }';
    await fleet.supervise(
      graphYaml({ a: [], b: ['a'] }, { a: retry, b: retry }, 'variables: { workMs: { default: 50 } }'),
      [],
      {
        spawner: hosts,
      },
    );
    const running = new Promise<void>((resolve, reject) => {
      fleet.link
        .subscribe(`shoal/v1/o/${fleet.unit}/session/+/step/a/status`, (message) => {
          if (message.text().includes('"running"')) resolve();
        })
        .catch(reject);
    });
    const asked = fleet.ask({ workMs: 1_500 }, randomUUID(), 150_000);
    await running;
    // Both hosts die with their instances; one comes back, the other does not.
    first.kill('SIGKILL');
    second.kill('SIGKILL');
    await until(async () => (await record('h1'))?.state === 'lost' && (await record('h2'))?.state === 'lost');
    await hostApart('h3');
    const task = await asked;
    expect(task.status.state).toBe('TASK_STATE_COMPLETED');
  });

  test('starts wait while no host has the labels, are counted, and go on when one comes (StepDefinition.placement)', async () => {
    const hosts = await open();
    const work = defineBlueprint({
      id: 'work',
      description: 'Works.',
      run: () => Promise.resolve({ output: 1 }),
    });
    const supervisor = await fleet.supervise(
      graphYaml({ a: [], b: ['a'] }, { a: 'placement: { labels: { gpu: a100 } }' }),
      [],
      {
        spawner: hosts,
      },
    );
    const asked = fleet.ask({}, randomUUID(), 150_000);
    await until(() => supervisor.stats().waitingForRoom === 1);
    expect(supervisor.stats()).toMatchObject({ withoutPlace: 1, spawned: 0 });
    const inner = inProcessSpawner({ url: broker.url, blueprints: [work] });
    closing.push(() => inner.stop());
    await host('plain', { spawner: inner, capacity: 3 });
    await known(hosts, 'plain');
    expect(supervisor.stats()).toMatchObject({ withoutPlace: 1, spawned: 0 });
    await host('gpu', { spawner: inner, capacity: 1, labels: { gpu: 'a100' } });
    expect((await asked).status.state).toBe('TASK_STATE_COMPLETED');
    expect(supervisor.stats()).toMatchObject({ waitingForRoom: 0, withoutPlace: 0 });
  });
});
