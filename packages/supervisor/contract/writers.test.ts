import { randomUUID } from 'node:crypto';
import { startFaultProxy, type FaultProxy } from '@shoal/mqtt-link/testing';
import { readRetained } from '@shoal/mqtt-link';
import { treeFilter } from '@shoal/protocol';
import { defineBlueprint, StepError, type Blueprint, type StepContext } from '@shoal/workflow';
import { graphYaml } from '@shoal/workflow/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { inProcessSpawner } from '../src/index.ts';
import { BROKERS, FleetBench, type TestBroker } from './fleet-bench.ts';
import { QUICK } from './quick-policy.ts';

/** What closes its session is an instance from the start; what others wait for becomes one when it has to. */
const SHAPES = [
  ['the closer', graphYaml({ a: [] })],
  ['a step before it', graphYaml({ a: [], b: ['a'] })],
] as const;

describe.each(BROKERS)('steps that share a connection on %s', (_, start) => {
  let broker: TestBroker;
  const fleets: FleetBench[] = [];
  const proxies: FaultProxy[] = [];

  beforeAll(async () => void (broker = await start()));
  afterEach(async () => {
    for (const proxy of proxies) proxy.release();
    await Promise.all(fleets.splice(0).map((fleet) => fleet.close()));
    await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()));
  });
  afterAll(() => broker.stop());

  async function open(): Promise<FleetBench> {
    const fleet = await FleetBench.open(broker.url);
    fleets.push(fleet);
    return fleet;
  }

  const work = (run: Blueprint['run']): Blueprint =>
    defineBlueprint({ id: 'work', description: 'Works.', run });

  /** A supervisor whose connections, and those of its instances, can be held and cut. */
  async function behindProxy(
    fleet: FleetBench,
    yaml: string,
    run: (proxy: FaultProxy) => void,
  ): Promise<void> {
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(broker.url).port) });
    proxies.push(proxy);
    const blueprints = [
      work(() => {
        run(proxy);
        return Promise.resolve({ output: 'old' });
      }),
    ];
    await fleet.supervise(yaml, blueprints, {
      url: proxy.url,
      spawner: inProcessSpawner({ url: proxy.url, blueprints, abortGraceMs: 50 }),
    });
  }

  test('a quick step leaves its claim and its result, and the closer the end of the session', async () => {
    const fleet = await open();
    await fleet.supervise(graphYaml({ a: [], b: ['a'] }), [work(() => Promise.resolve({ output: 1 }))]);
    const { id } = await fleet.ask();
    await fleet.until(async () => (await fleet.view(id)).steps.get('b')?.status?.state === 'done');
    const { steps } = await fleet.view(id);
    expect(steps.get('a')).toMatchObject({ result: { state: 'completed', attempt: 1 } });
    expect(steps.get('a')?.attempt?.writerId).toMatch(/^writer-/);
    expect(steps.get('a')?.status).toBeUndefined();
  });

  test('a step that lasts gets a connection of its own, says that it runs, and ends over it', async () => {
    const fleet = await open();
    let letGo: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => (letGo = resolve));
    await fleet.supervise(graphYaml({ a: [], b: ['a'] }), [
      work(async ({ stepId }) => {
        if (stepId === 'a') await opened;
        return { output: stepId };
      }),
    ]);
    const task = fleet.ask();
    const running = async (): Promise<boolean> =>
      (await fleet.sessions()).some(({ steps }) => steps.get('a')?.status?.state === 'running');
    await fleet.until(running);
    letGo();
    const { id } = await task;
    expect((await fleet.view(id)).steps.get('a')).toMatchObject({
      result: { state: 'completed', attempt: 1 },
      status: { state: 'done' },
    });
  });

  test('work that lasts, fails or asks for its link is begun once for each attempt, whoever goes on with it', async () => {
    const fleet = await open();
    const begun: string[] = [];
    const retry = 'retry: { maxAttempts: 2, backoffSeconds: 0 }';
    await fleet.supervise(
      graphYaml({ lasts: [], fails: [], asks: [], end: ['lasts', 'fails', 'asks'] }, { fails: retry }),
      [
        work(async ({ stepId, attempt, link, signal }) => {
          begun.push(`${stepId} ${attempt}`);
          if (stepId === 'lasts') await new Promise((resolve) => setTimeout(resolve, 100));
          if (stepId === 'fails' && attempt === 1)
            throw new StepError('BUSY', 'not now', { retryable: true });
          if (stepId === 'asks') await link.publish(`test/${fleet.unit}/said`, 'x');
          return { output: signal.aborted };
        }),
      ],
    );
    const task = await fleet.ask();
    expect(task.status.state).toBe('TASK_STATE_COMPLETED');
    expect(begun.toSorted()).toEqual(['asks 1', 'end 1', 'fails 1', 'fails 2', 'lasts 1']);
  });

  test('a session that is canceled while a quick step works ends canceled, and the work is told', async () => {
    const fleet = await open();
    let enter: () => void = () => undefined;
    const entered = new Promise<void>((resolve) => (enter = resolve));
    const told: unknown[] = [];
    await fleet.supervise(graphYaml({ a: [], b: ['a'] }), [
      work(async ({ signal }) => {
        const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        enter();
        await aborted;
        told.push(signal.reason);
        throw signal.reason as Error;
      }),
    ]);
    const taskId = randomUUID();
    const task = fleet.ask({}, taskId);
    await entered;
    await fleet.requester.cancelTask(fleet.address(), { id: taskId });
    expect((await task).status.state).toBe('TASK_STATE_CANCELED');
    expect(told).toMatchObject([{ code: 'CANCELED' }]);
    expect((await fleet.view(taskId)).steps.get('a')?.result?.state).toBe('canceled');
  });

  test('code that asks for its link when its step has ended gets one that is closed, and nobody connects for it', async () => {
    const fleet = await open();
    let late: (() => StepContext['link']) | undefined;
    await fleet.supervise(graphYaml({ a: [], b: ['a'] }), [
      work((context) => {
        if (context.stepId === 'a') late = () => context.link;
        return Promise.resolve({ output: 1 });
      }),
    ]);
    const { id } = await fleet.ask();
    await fleet.until(async () => (await fleet.view(id)).steps.get('b')?.status?.state === 'done');
    const link = late?.();
    await fleet.until(() => link?.state === 'closed');
    expect(link?.clientId).toBe(`o/${fleet.unit}/${id}.a`);
    expect((await fleet.view(id)).steps.get('a')?.status).toBeUndefined();
  });

  test('what the code of a step publishes goes over a connection of its own', async () => {
    const fleet = await open();
    const heard: string[] = [];
    await fleet.link.subscribe(`test/${fleet.unit}/said`, ({ payload }) => {
      heard.push(Buffer.from(payload).toString());
    });
    await fleet.supervise(graphYaml({ a: [] }), [
      work(async ({ link }) => {
        await link.publish(`test/${fleet.unit}/said`, link.clientId);
        return { output: link.state };
      }),
    ]);
    const task = await fleet.ask();
    expect(task.status.state).toBe('TASK_STATE_COMPLETED');
    expect(heard).toEqual([`o/${fleet.unit}/${task.id}.a`]);
    // Its last word comes after the answer.
    await expect.poll(async () => (await fleet.view(task.id)).steps.get('a')?.status?.state).toBe('done');
  });

  test('rule 7: a step that must not act twice never shares', async () => {
    const fleet = await open();
    await fleet.supervise(graphYaml({ a: [] }, { a: 'idempotent: false' }), [
      work(() => Promise.resolve({ output: 1 })),
    ]);
    const { id } = await fleet.ask();
    const step = (await fleet.view(id)).steps.get('a');
    expect(step).toMatchObject({ intent: { attempt: 1 }, result: { state: 'completed' } });
    expect(step?.attempt?.writerId).toBeUndefined();
  });

  test('rule 7: nor does one whose blueprint says so, which only its instance knows', async () => {
    const fleet = await open();
    const effect = { ...work(() => Promise.resolve({ output: 1 })), idempotent: false };
    await fleet.supervise(graphYaml({ a: [], b: ['a'] }), [effect]);
    const { id } = await fleet.ask();
    // Only who has a connection of its own says where it stands.
    expect((await fleet.view(id)).steps.get('a')).toMatchObject({
      intent: { attempt: 1 },
      result: { state: 'completed', attempt: 1 },
      status: { state: 'done' },
    });
  });

  test.each(SHAPES)(
    'rule 9: the Will of the connection lets another supervisor go on at once, and it leaves no other record: %s',
    async (_, yaml) => {
      const fleet = await open();
      let cut: () => void = () => undefined;
      const isCut = new Promise<void>((resolve) => (cut = resolve));
      await behindProxy(fleet, yaml, (proxy) => {
        proxy.refuse(true);
        proxy.cut();
        cut();
      });
      const task = fleet.ask();
      await isCut;
      await fleet.supervise(yaml, [work(() => Promise.resolve({ output: 'new' }))], {
        policy: { ...QUICK, startGraceMs: 600_000 },
      });
      const { id } = await task;
      const { steps, outcome } = await fleet.view(id);
      expect(outcome?.state).toBe('completed');
      expect(steps.get('a')).toMatchObject({ result: { attempt: 2, output: 'new' } });
      const writers = await readRetained(fleet.link, treeFilter('writer', { org: 'o', unit: fleet.unit }));
      const left = [...writers.values()].map((message) => JSON.parse(message.text()) as { writerId: string });
      expect(left.map(({ writerId }) => writerId)).toContain(steps.get('a')?.attempt?.writerId);
    },
  );

  test.each(SHAPES)(
    'rule 5: nothing that is still on its way over the connection arrives after a successor has acted: %s',
    async (_, yaml) => {
      const fleet = await open();
      const results: unknown[] = [];
      await fleet.link.subscribe(`shoal/v1/o/${fleet.unit}/session/+/step/a/result`, (message) => {
        results.push((JSON.parse(message.text()) as { output: unknown }).output);
      });
      let held: () => void = () => undefined;
      const isHeld = new Promise<void>((resolve) => (held = resolve));
      await behindProxy(fleet, yaml, (proxy) => {
        proxy.hold('to-broker');
        held();
      });
      const task = fleet.ask();
      await isHeld;
      await fleet.supervise(yaml, [work(() => Promise.resolve({ output: 'new' }))]);
      const { id } = await task;
      for (const proxy of proxies) proxy.release();
      await fleet.settled('after the zombie');
      expect((await fleet.view(id)).steps.get('a')).toMatchObject({ result: { attempt: 2, output: 'new' } });
      expect(results).toEqual(['new']);
    },
  );

  test.each(SHAPES)(
    'rule 5: an attempt that lost the shared connection looks before it connects as its step: it evicts no successor: %s',
    async (_, yaml) => {
      const fleet = await open();
      const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(broker.url).port) });
      proxies.push(proxy);
      let zombieLeft: () => void = () => undefined;
      const hasLeft = new Promise<void>((resolve) => (zombieLeft = resolve));
      let begun: () => void = () => undefined;
      const isBegun = new Promise<void>((resolve) => (begun = resolve));
      const blueprints = [
        work(async ({ signal }) => {
          proxy.refuse(true);
          proxy.cut();
          begun();
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
          zombieLeft();
          throw signal.reason as Error;
        }),
      ];
      await fleet.supervise(yaml, blueprints, {
        url: proxy.url,
        spawner: inProcessSpawner({ url: proxy.url, blueprints, abortGraceMs: 50 }),
      });
      const task = fleet.ask();
      await isBegun;
      const running = work(async () => {
        proxy.refuse(false);
        await hasLeft;
        return { output: 'new' };
      });
      await fleet.supervise(yaml, [running], { policy: { ...QUICK, startGraceMs: 600_000 } });
      const { id } = await task;
      expect((await fleet.view(id)).steps.get('a')).toMatchObject({ result: { attempt: 2, output: 'new' } });
    },
  );
});
