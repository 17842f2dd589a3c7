import { randomUUID } from 'node:crypto';
import { createRequester } from '@shoal/agent-sdk';
import { a2aPolicy, createBroker, createPolicy } from '@shoal/broker';
import { openLink, readRetained } from '@shoal/mqtt-link';
import { requestTopic, sessionTopics, type Task } from '@shoal/protocol';
import { defineBlueprint, parseWorkflow, StepError, type Blueprint } from '@shoal/workflow';
import { graphYaml } from '@shoal/workflow/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createSupervisor, inProcessSpawner } from '../src/index.ts';
import { BROKERS, FleetBench, type TestBroker } from './fleet-bench.ts';

/** What a system of this kind is expected to pass, from outside: a caller, a broker, and steps without any cleverness. */
describe('scenarios', { timeout: 120_000 }, () => {
  let broker: TestBroker;
  const benches: FleetBench[] = [];

  beforeAll(async () => void (broker = await BROKERS[0]![1]()));
  afterEach(async () => void (await Promise.all(benches.splice(0).map((bench) => bench.close()))));
  afterAll(() => broker.stop());

  async function bench(): Promise<FleetBench> {
    const opened = await FleetBench.open(broker.url);
    benches.push(opened);
    return opened;
  }

  /** Says what it was given: `b<a` for step b after a. */
  const tells = defineBlueprint({
    id: 'work',
    description: 'Says what it was given.',
    run: ({ stepId, results }) =>
      Promise.resolve({ output: [stepId, ...(Object.values(results) as string[])].join('<') }),
  });

  /** A step that runs until it is let go; `begun` tells when it is at work. */
  function gated(except: Readonly<Record<string, () => unknown>> = {}) {
    const gates = new Map<string, { open: () => void; begun: () => void; isBegun: Promise<void> }>();
    const gateOf = (stepId: string) => {
      const known = gates.get(stepId);
      if (known !== undefined) return known;
      let begun = (): void => undefined;
      const isBegun = new Promise<void>((resolve) => (begun = resolve));
      const gate = { open: (): void => undefined, begun, isBegun };
      gates.set(stepId, gate);
      return gate;
    };
    const blueprint: Blueprint = defineBlueprint({
      id: 'work',
      description: 'Waits for the test.',
      run: async ({ stepId, signal }) => {
        const own = except[stepId];
        if (own !== undefined) return { output: own() as string };
        const gate = gateOf(stepId);
        await new Promise<void>((resolve, reject) => {
          gate.open = resolve;
          signal.addEventListener('abort', () => reject(new Error('aborted')));
          gate.begun();
        });
        return { output: stepId };
      },
    });
    return {
      blueprint,
      begun: (stepId: string) => gateOf(stepId).isBegun,
      open: (stepId: string) => gateOf(stepId).open(),
    };
  }

  const outputOf = async (fleet: FleetBench, task: Task, stepId: string): Promise<unknown> =>
    (await fleet.view(task.id)).steps.get(stepId)?.result?.output;

  test('4: every item of a session carries the id of the request, from the first to the last', async () => {
    const fleet = await bench();
    await fleet.supervise(graphYaml({ a: [], b: ['a'] }), [tells]);
    const taskId = randomUUID();
    const ids = new Set<string | undefined>();
    let items = 0;
    for await (const item of fleet.requester.stream(fleet.address(), { data: {}, taskId })) {
      ids.add(item.task?.id ?? item.statusUpdate?.taskId ?? item.artifactUpdate?.taskId);
      items += 1;
    }
    expect([...ids]).toEqual([taskId]);
    expect(items).toBeGreaterThan(3);
  });

  test('7: a chain: B sees what A put out', async () => {
    const fleet = await bench();
    await fleet.supervise(graphYaml({ a: [], b: ['a'] }), [tells]);
    expect(await outputOf(fleet, await fleet.ask(), 'b')).toBe('b<a');
  });

  test('8: two producers and a merger: it gets both values', async () => {
    const fleet = await bench();
    await fleet.supervise(graphYaml({ a: [], b: [], m: ['a', 'b'] }), [tells]);
    expect(await outputOf(fleet, await fleet.ask(), 'm')).toBe('m<a<b');
  });

  test('10: a forged answer under another correlation is nothing to the caller; the true one counts', async () => {
    const fleet = await bench();
    const work = gated();
    await fleet.supervise(graphYaml({ a: [] }), [work.blueprint]);
    const forger = await openLink({ url: broker.url, clientId: `forger-${randomUUID()}` });
    try {
      const taskId = randomUUID();
      const replyTo = new Promise<string>((resolve, reject) => {
        forger
          .subscribe(requestTopic(fleet.address()), ({ responseTopic }) => resolve(responseTopic ?? ''))
          .catch(reject);
      });
      await readRetained(forger, 'test/none');
      const answer = fleet.ask({}, taskId);
      await work.begun('a');
      const forged = { id: taskId, contextId: taskId, status: { state: 'TASK_STATE_COMPLETED' } };
      await forger.publish(
        await replyTo,
        JSON.stringify({ jsonrpc: '2.0', id: 1, result: { task: forged } }),
        {
          qos: 1,
          correlationData: Buffer.from('a guess'),
        },
      );
      work.open('a');
      expect((await answer).metadata?.['outcome']).toBe('completed');
    } finally {
      await forger.close();
    }
  });

  test('11: a running session that is canceled tells its caller so', async () => {
    const fleet = await bench();
    const work = gated();
    await fleet.supervise(graphYaml({ a: [], b: ['a'] }), [work.blueprint]);
    const taskId = randomUUID();
    const answer = fleet.ask({}, taskId);
    await work.begun('a');
    await fleet.requester.cancelTask(fleet.address(), { id: taskId });
    expect((await answer).status.state).toBe('TASK_STATE_CANCELED');
  });

  test('12, 13: a failure is told as one, and what needs it never runs', async () => {
    const fleet = await bench();
    const ran: string[] = [];
    const fails = defineBlueprint({
      id: 'work',
      description: 'Step a fails.',
      run: ({ stepId }) => {
        ran.push(stepId);
        return Promise.reject(new StepError('BROKEN', 'it is broken'));
      },
    });
    await fleet.supervise(graphYaml({ a: [], b: ['a'], c: ['b'] }), [fails]);
    const task = await fleet.ask();
    expect(task.status.state).toBe('TASK_STATE_FAILED');
    expect(task.metadata?.['steps']).toEqual({ a: 'failed', b: 'skipped', c: 'skipped' });
    expect(ran).toEqual(['a']);
  });

  test('write-ahead: at the first word to the caller, the plan and the caller are retained', async () => {
    const fleet = await bench();
    const work = gated();
    await fleet.supervise(graphYaml({ a: [] }), [work.blueprint]);
    const taskId = randomUUID();
    let seen: Awaited<ReturnType<FleetBench['view']>> | undefined;
    for await (const _ of fleet.requester.stream(fleet.address(), { data: {}, taskId })) {
      seen ??= await fleet.view(taskId);
      work.begun('a').then(
        () => work.open('a'),
        () => undefined,
      );
    }
    expect(seen?.session?.sessionId).toBe(taskId);
    expect(seen?.callers.size).toBe(1);
  });

  test('C1: a diamond of which one branch fails while the other still runs does not end as completed', async () => {
    const fleet = await bench();
    const work = gated({
      b: () => {
        throw new StepError('BROKEN', 'it is broken');
      },
    });
    await fleet.supervise(graphYaml({ a: [], b: ['a'], c: ['a'], d: ['b', 'c'] }), [work.blueprint]);
    const answer = fleet.ask();
    await work.begun('a');
    work.open('a');
    await work.begun('c');
    const [session] = await fleet.sessions();
    await fleet.until(
      async () => (await fleet.view(session!.sessionId)).steps.get('b')?.result !== undefined,
    );
    expect((await fleet.view(session!.sessionId)).outcome).toBeUndefined();
    work.open('c');
    const task = await answer;
    expect(task.status.state).toBe('TASK_STATE_FAILED');
    expect(task.metadata?.['steps']).toEqual({ a: 'completed', b: 'failed', c: 'completed', d: 'skipped' });
  });

  test('a join waits for the slow branch, and takes both', async () => {
    const fleet = await bench();
    const work = gated({ quick: () => 'quick', join: () => 'joined' });
    await fleet.supervise(graphYaml({ quick: [], slow: [], join: ['quick', 'slow'] }), [work.blueprint]);
    const answer = fleet.ask();
    await work.begun('slow');
    const [session] = await fleet.sessions();
    const view = () => fleet.view(session!.sessionId);
    await fleet.until(async () => (await view()).steps.get('quick')?.result !== undefined);
    expect((await view()).steps.get('join')?.result).toBeUndefined();
    work.open('slow');
    expect((await answer).metadata?.['steps']).toEqual({
      quick: 'completed',
      slow: 'completed',
      join: 'completed',
    });
  });

  test('a join sees its inputs in the order in which it declares them, whoever was first', async () => {
    const fleet = await bench();
    const orders: string[] = [];
    const work = defineBlueprint({
      id: 'work',
      description: 'Notes what it was given.',
      run: ({ stepId, results }) => {
        if (stepId === 'join') orders.push(Object.keys(results).join());
        return Promise.resolve({ output: stepId });
      },
    });
    await fleet.supervise(graphYaml({ a: [], b: ['a'], c: [], join: ['c', 'b', 'a'] }), [work]);
    for (let run = 0; run < 3; run += 1) await fleet.ask();
    expect(orders).toEqual(['c,b,a', 'c,b,a', 'c,b,a']);
  });

  test('a step that still waits is canceled too, and never runs', async () => {
    const fleet = await bench();
    const work = gated();
    // Started ahead, so that it waits as an instance of its own.
    await fleet.supervise(graphYaml({ a: [], b: ['a'] }), [work.blueprint], { policy: { spawnAhead: true } });
    const taskId = randomUUID();
    const answer = fleet.ask({}, taskId);
    await work.begun('a');
    await fleet.until(async () => (await fleet.view(taskId)).steps.get('b')?.status?.state === 'waiting');
    await fleet.requester.cancelTask(fleet.address(), { id: taskId });
    expect((await answer).metadata?.['steps']).toEqual({ a: 'canceled', b: 'canceled' });
  });

  test('load: twenty sessions at once end as one does, each for its own caller', async () => {
    const fleet = await bench();
    const supervisor = await fleet.supervise(graphYaml({ a: [], b: ['a'] }), [tells], {
      spawnsPerSecond: 1_000,
    });
    const ids = Array.from({ length: 20 }, () => randomUUID() as string);
    const tasks = await Promise.all(ids.map((id) => fleet.ask({}, id, 100_000)));
    expect(tasks.map(({ id }) => id)).toEqual(ids);
    expect(new Set(tasks.map(({ metadata }) => metadata?.['outcome']))).toEqual(new Set(['completed']));
    await fleet.until(() => supervisor.stats().openSessions === 0);
  });
});

test('access rules: a session runs, and a device agent can neither read its records nor fake, start or cancel anything', async () => {
  const guarded = createBroker({
    authenticate: ({ username }) => username !== undefined,
    authorize: createPolicy([
      { effect: 'allow', users: ['engine'], topics: ['#', '$a2a/#', '$share/#'] },
      ...a2aPolicy('own'),
    ]),
  });
  const { tcp } = await guarded.start();
  const url = tcp!.url;
  const engine = { url, org: 'o', unit: 'u', username: 'engine', password: 'x' };
  const work = defineBlueprint({
    id: 'work',
    description: 'x',
    run: () => Promise.resolve({ output: 'done' }),
  });
  const spawner = inProcessSpawner({ ...engine, blueprints: [work] });
  const supervisor = createSupervisor({
    ...engine,
    workflows: [parseWorkflow(graphYaml({ a: [] }))],
    spawner,
  });
  const open = (agentId: string, username: string) =>
    openLink({ url, clientId: `o/u/${agentId}`, username, password: 'x' });
  const [caller, pump] = [await open('caller', 'engine'), await open('pump', 'pump')];
  try {
    await supervisor.start();
    const address = { org: 'o', unit: 'u', agentId: 'caller' };
    const requester = createRequester({ link: caller, address });
    const task = (await requester.send({ ...address, agentId: 'flow' }, { data: {} })) as Task;
    expect(task.status.state).toBe('TASK_STATE_COMPLETED');
    const at = sessionTopics({ org: 'o', unit: 'u', sessionId: task.id });
    for (const topic of [at.session, at.control, at.outcome, at.step('a').attempt, at.step('a').result])
      await expect(pump.publish(topic, '', { qos: 1, retain: true })).rejects.toMatchObject({
        code: 'publish-refused',
      });
    await expect(pump.subscribe(at.all, () => undefined)).rejects.toMatchObject({
      code: 'subscribe-refused',
    });
    const kept = await readRetained(caller, at.all);
    expect([...kept.keys()]).toEqual(expect.arrayContaining([at.session, at.outcome, at.step('a').result]));
    await requester.close();
  } finally {
    await supervisor.stop();
    await spawner.stop();
    await Promise.all([caller.close(), pump.close()]);
    await guarded.stop();
  }
});
