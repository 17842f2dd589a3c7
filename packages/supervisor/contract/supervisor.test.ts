import { randomUUID } from 'node:crypto';
import { sessionTopics } from '@shoal/protocol';
import { defineBlueprint, StepError, type Blueprint } from '@shoal/workflow';
import { graphYaml } from '@shoal/workflow/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Spawner } from '../src/index.ts';
import { BROKERS, FleetBench, type TestBroker } from './fleet-bench.ts';

describe.each(BROKERS)('a supervisor on %s', (name, start) => {
  let broker: TestBroker;
  const benches: FleetBench[] = [];

  beforeAll(async () => void (broker = await start()));
  afterEach(async () => void (await Promise.all(benches.splice(0).map((bench) => bench.close()))));
  afterAll(() => broker.stop());

  async function bench(): Promise<FleetBench> {
    const opened = await FleetBench.open(broker.url);
    benches.push(opened);
    return opened;
  }

  const diamond = graphYaml({ a: [], b: ['a'], c: ['a'], d: ['b', 'c'] });
  const one = graphYaml({ a: [] });

  function counting(
    run: (stepId: string, call: number) => Promise<unknown> = (stepId) => Promise.resolve(stepId),
  ): Blueprint & { calls: string[] } {
    const calls: string[] = [];
    return {
      calls,
      ...defineBlueprint({
        id: 'work',
        description: 'Counts.',
        run: async ({ stepId }) => {
          calls.push(stepId);
          return { output: (await run(stepId, calls.filter((id) => id === stepId).length)) as string };
        },
      }),
    };
  }

  test('a request becomes a session whose steps run by themselves, each once, and the reply is the outcome', async () => {
    const fleet = await bench();
    const work = counting();
    await fleet.supervise(diamond, [work]);
    const task = await fleet.ask();
    expect(task.status.state).toBe('TASK_STATE_COMPLETED');
    expect(work.calls.sort()).toEqual(['a', 'b', 'c', 'd']);
    const view = await fleet.view(task.id);
    expect(view.outcome?.task).toEqual(task);
    expect([...view.steps.values()].map(({ attempt }) => attempt?.attempt)).toEqual([1, 1, 1, 1]);
  });

  test('a supervisor without OpenTelemetry hands the trace of the request on to the session', async () => {
    const fleet = await bench();
    await fleet.supervise(one, [counting()]);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const task = await fleet.requester.send(fleet.address(), 'go', { userProperties: { traceparent } });
    const view = await fleet.view('status' in task ? task.id : '');
    expect(view.session?.trace).toEqual({ traceparent });
  });

  // Mosquitto 2.0.11 closes the older connection without a word, and the two take turns: supervisors must not share an id.
  test.skipIf(name === 'Mosquitto')(
    'a supervisor whose id another client takes stops and says so; the session goes on without it',
    async () => {
      const fleet = await bench();
      const evicted = await fleet.supervise(one, [counting()], { supervisorId: 'twin' });
      const successor = await fleet.supervise(one, [counting()], { supervisorId: 'twin' });
      expect(await evicted.ended).toBe('evicted');
      expect((await fleet.ask()).status.state).toBe('TASK_STATE_COMPLETED');
      await successor.stop();
      expect(await successor.ended).toBe('stopped');
    },
  );

  test('a stream begins with the task, tells of the steps, and ends with the outcome', async () => {
    const fleet = await bench();
    await fleet.supervise(diamond, [counting()]);
    const items: string[] = [];
    for await (const item of fleet.requester.stream(fleet.address(), 'go')) items.push(JSON.stringify(item));
    expect(items[0]).toContain('"task"');
    expect(items.some((item) => item.includes('"event":"running"'))).toBe(true);
    expect(items.at(-1)).toContain('TASK_STATE_COMPLETED');
    expect(items.at(-2)).toContain('artifactUpdate');
  });

  test('two supervisors and every request twice: one session, one attempt of each step, one outcome', async () => {
    const fleet = await bench();
    const work = counting();
    await Promise.all([fleet.supervise(diamond, [work]), fleet.supervise(diamond, [work])]);
    const ids = Array.from({ length: 8 }, () => randomUUID());
    const tasks = await Promise.all(
      ids.flatMap((id) => [
        fleet.requester.send(fleet.address(), { text: 'go', taskId: id, messageId: id }),
        fleet.requester.send(fleet.address(), { text: 'go', taskId: id, messageId: id }),
      ]),
    );
    for (let i = 0; i < tasks.length; i += 2) expect(tasks[i]).toEqual(tasks[i + 1]);
    expect(work.calls).toHaveLength(ids.length * 4);
    for (const id of ids) {
      const view = await fleet.view(id);
      for (const step of view.steps.values()) expect(step.attempt?.attempt).toBe(1);
    }
  });

  test('V9: a retry after the end gets the outcome again, word for word, and nothing runs', async () => {
    const fleet = await bench();
    const work = counting();
    await fleet.supervise(one, [work]);
    const message = { text: 'go', taskId: randomUUID(), messageId: 'm' };
    const first = await fleet.requester.send(fleet.address(), message);
    expect(await fleet.requester.send(fleet.address(), message)).toEqual(first);
    expect(work.calls).toEqual(['a']);
  });

  test('GetTask, SubscribeToTask, ListTasks and CancelTask are answered from the records', async () => {
    const fleet = await bench();
    let open: (output: string) => void = () => undefined;
    const gate = new Promise<string>((resolve) => (open = resolve));
    await fleet.supervise(one, [counting(() => gate)]);
    const taskId = randomUUID();
    const started = await fleet.requester.send(
      fleet.address(),
      { text: 'go', taskId },
      { returnImmediately: true },
    );
    expect(started).toMatchObject({ id: taskId, status: { state: 'TASK_STATE_SUBMITTED' } });
    await fleet.logged(({ message }) => message === 'spawn');
    expect(await fleet.requester.getTask(fleet.address(), { id: taskId })).toMatchObject({ id: taskId });
    expect((await fleet.requester.listTasks(fleet.address())).tasks.map(({ id }) => id)).toEqual([taskId]);
    const items: unknown[] = [];
    const following = (async () => {
      for await (const item of fleet.requester.subscribe(fleet.address(), { id: taskId })) items.push(item);
    })();
    await fleet.requester.getTask(fleet.address(), { id: taskId });
    open('worked');
    await following;
    expect(JSON.stringify(items.at(-1))).toContain('TASK_STATE_COMPLETED');
    await expect(fleet.requester.cancelTask(fleet.address(), { id: taskId })).rejects.toMatchObject({
      code: 'task-not-cancelable',
    });
    await expect(fleet.requester.getTask(fleet.address(), { id: randomUUID() })).rejects.toMatchObject({
      code: 'task-not-found',
    });
  });

  test('cancel ends running and waiting steps, and the caller hears of it', async () => {
    const fleet = await bench();
    await fleet.supervise(graphYaml({ a: [], b: ['a'] }), [
      defineBlueprint({
        id: 'work',
        description: 'Waits.',
        run: ({ signal }) =>
          new Promise((__, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
      }),
    ]);
    const taskId = randomUUID();
    const answer = fleet.ask({}, taskId);
    await fleet.logged(({ message }) => message === 'spawn');
    const canceled = await fleet.requester.cancelTask(fleet.address(), { id: taskId });
    expect(canceled.status.state).toBe('TASK_STATE_CANCELED');
    expect(await answer).toEqual(canceled);
    expect(await fleet.requester.cancelTask(fleet.address(), { id: taskId })).toEqual(canceled);
  });

  test.each([
    ['a missing variable', { data: {} }, /"device" is missing/],
    [
      'an unknown variable',
      { data: { device: 'x' }, metadata: { variables: { nope: 1 } } },
      /"nope" is unknown/,
    ],
    ['a variable of the wrong type', { data: { device: 5 } }, /must be of type string/],
    [
      'a message that is too large',
      { data: { device: 'x', blob: 'y'.repeat(300_000) } },
      /300\d+ bytes|bytes of at most/,
    ],
  ])('%s is refused with a reason, and nothing is retained', async (__, message, reason) => {
    const fleet = await bench();
    await fleet.supervise(`${one}variables: { device: { type: string } }\n`, [counting()]);
    await expect(fleet.requester.send(fleet.address(), message as never)).rejects.toThrow(reason);
    expect((await fleet.retained()).size).toBe(0);
  });

  test('S17: whatever is sent to it, it goes on', async () => {
    const fleet = await bench();
    await fleet.supervise(one, [counting()]);
    const topic = `$a2a/v1/request/o/${fleet.unit}/flow`;
    const reply = `$a2a/v1/reply/o/${fleet.unit}/x/y`;
    const correlationData = Buffer.from([0xff, 0xfe, 0]);
    for (const payload of [
      '',
      '{',
      '[1]',
      'null',
      '"x"',
      '{"jsonrpc":"2.0","id":1,"method":"Nope"}',
      Buffer.from([0xff, 0xc0]),
    ])
      for (const options of [
        {},
        { responseTopic: reply, correlationData },
        { responseTopic: `shoal/v1/o/${fleet.unit}/session/x` },
      ])
        await fleet.link.publish(topic, payload, options);
    const session = sessionTopics({ org: 'o', unit: fleet.unit, sessionId: 'rogue' });
    for (const record of [
      session.session,
      session.outcome,
      session.step('a').attempt,
      session.step('a').result,
    ])
      for (const payload of ['{', '{"schemaVersion":1}', 'null'])
        await fleet.link.publish(record, payload, { retain: true });
    expect((await fleet.ask()).status.state).toBe('TASK_STATE_COMPLETED');
    expect(fleet.log.filter(({ message }) => message === 'record ignored').length).toBeGreaterThan(5);
    expect(fleet.log.some(({ message }) => message === 'request refused')).toBe(true);
  });

  test('S12: a request to an agent that is not its workflow is none of its business', async () => {
    const fleet = await bench();
    await fleet.supervise(one, [counting()]);
    await expect(
      fleet.requester.send(fleet.address('pump-01'), 'go', { maxAttempts: 1, firstReplyTimeoutMs: 300 }),
    ).rejects.toMatchObject({ family: 'local' });
  });

  test('the same task id with another message, context or workflow is refused', async () => {
    const fleet = await bench();
    await fleet.supervise([one, one.replace('id: flow', 'id: other')], [counting()]);
    const taskId = randomUUID();
    await fleet.requester.send(fleet.address(), { text: 'go', taskId, messageId: 'm', contextId: 'c' });
    const send = (to: string, message: object) =>
      fleet.requester.send(fleet.address(to), { text: 'go', taskId, ...message });
    await expect(send('flow', { messageId: 'n' })).rejects.toMatchObject({ code: 'unsupported-operation' });
    await expect(send('flow', { messageId: 'm', contextId: 'd' })).rejects.toMatchObject({
      code: 'invalid-params',
    });
    await expect(send('other', { messageId: 'm' })).rejects.toMatchObject({ code: 'invalid-params' });
  });

  test('S4: a step that dies at every start is tried so often and not more, and then fails by name', async () => {
    const fleet = await bench();
    let starts = 0;
    const spawner: Spawner = {
      running: 0,
      capacity: 100,
      stop: () => Promise.resolve(),
      spawn: (__, hooks) => {
        starts += 1;
        setImmediate(() => hooks?.onExit?.(false));
        return Promise.resolve();
      },
    };
    await fleet.supervise(
      graphYaml({ a: [] }, { a: 'retry: { maxAttempts: 3, backoffSeconds: 0.05 }' }),
      [],
      { spawner },
    );
    const task = await fleet.ask();
    expect(task.status.state).toBe('TASK_STATE_FAILED');
    expect(JSON.stringify(task.status.message)).toContain('ATTEMPTS_EXHAUSTED');
    expect(starts).toBe(3);
  });

  test('a spawner that cannot start anything ends the same way', async () => {
    const fleet = await bench();
    const spawner: Spawner = {
      running: 0,
      capacity: 100,
      stop: () => Promise.resolve(),
      spawn: () => Promise.reject(new Error('no such program')),
    };
    await fleet.supervise(
      graphYaml(
        { a: [], b: ['a'] },
        { a: 'retry: { maxAttempts: 2, backoffSeconds: 0.01 }', b: 'retry: { maxAttempts: 1 }' },
      ),
      [],
      { spawner },
    );
    expect((await fleet.ask()).status.state).toBe('TASK_STATE_FAILED');
  });

  test('an instance that dies without a word between spawn and connect is found by its silence', async () => {
    const fleet = await bench();
    const work = counting();
    let starts = 0;
    const { inProcessSpawner } = await import('../src/index.ts');
    const real = inProcessSpawner({ url: broker.url, blueprints: [work] });
    fleet.spawners.push(real);
    const spawner: Spawner = {
      running: 0,
      capacity: 100,
      stop: () => Promise.resolve(),
      spawn: (order, hooks) => ((starts += 1) === 1 ? Promise.resolve() : real.spawn(order, hooks)),
    };
    await fleet.supervise(one, [], {
      spawner,
      policy: { startGraceMs: 200, suspicionMs: 10, probeGapMs: 10, livenessMs: 500 },
    });
    expect((await fleet.ask()).status.state).toBe('TASK_STATE_COMPLETED');
    expect(starts).toBe(2);
  });

  test('an instance that dies in the middle of its work is respawned, and the outcome is that of an undisturbed run', async () => {
    const fleet = await bench();
    const undisturbed = await (async () => {
      const other = await bench();
      await other.supervise(diamond, [counting()]);
      return other.ask();
    })();
    const { inProcessSpawner } = await import('../src/index.ts');
    // Each step's first attempt is stopped by its host in mid-work: its Will is sent.
    const hosts = new Map<string, Spawner>();
    const work = counting(async (stepId, call) => {
      if (call > 1) return stepId;
      void hosts.get(stepId)?.stop();
      return new Promise(() => undefined);
    });
    const last = inProcessSpawner({ url: broker.url, blueprints: [work] });
    fleet.spawners.push(last);
    const spawner: Spawner = {
      running: 0,
      capacity: 100,
      stop: () => Promise.resolve(),
      spawn: (order, hooks) => {
        if (order.kind !== 'step' || order.attempt > 1) return last.spawn(order, hooks);
        const mortal = inProcessSpawner({ url: broker.url, blueprints: [work], abortGraceMs: 50 });
        hosts.set(order.stepId, mortal);
        return mortal.spawn(order);
      },
    };
    await fleet.supervise(diamond, [], { spawner });
    const task = await fleet.ask();
    expect(task.status.state).toBe('TASK_STATE_COMPLETED');
    expect(task.artifacts).toEqual(undisturbed.artifacts);
    expect(work.calls.sort()).toEqual(['a', 'a', 'b', 'b', 'c', 'c', 'd', 'd']);
  });

  test('S1: a supervisor that was down when an instance died repairs the session when it is back', async () => {
    const fleet = await bench();
    const { inProcessSpawner } = await import('../src/index.ts');
    const work = counting((stepId, call) =>
      call === 1 ? new Promise(() => undefined) : Promise.resolve(stepId),
    );
    const host = inProcessSpawner({ url: broker.url, blueprints: [work], abortGraceMs: 50 });
    const first = await fleet.supervise(one, [], { spawner: host });
    const answer = fleet.ask();
    await fleet.logged(({ message }) => message === 'spawn');
    while (work.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await first.stop();
    await host.stop();
    await fleet.supervise(one, [work]);
    expect((await answer).status.state).toBe('TASK_STATE_COMPLETED');
  });

  test('a retryable failure is tried again by another attempt', async () => {
    const fleet = await bench();
    const work = counting((stepId, call) =>
      call < 3
        ? Promise.reject(new StepError('BUSY', 'later', { retryable: true }))
        : Promise.resolve(stepId),
    );
    await fleet.supervise(graphYaml({ a: [] }, { a: 'retry: { backoffSeconds: 0.02 }' }), [work]);
    const task = await fleet.ask();
    expect(task.status.state).toBe('TASK_STATE_COMPLETED');
    expect((await fleet.view(task.id)).steps.get('a')?.result?.attempt).toBe(3);
  });

  test('the deadline of the session ends it also when nothing can be spawned (WorkflowDefinition.deadlineSeconds)', async () => {
    const fleet = await bench();
    const spawner: Spawner = {
      running: 0,
      capacity: 100,
      stop: () => Promise.resolve(),
      spawn: () => Promise.resolve(),
    };
    await fleet.supervise(graphYaml({ a: [], b: ['a'] }, {}, 'deadlineSeconds: 0.5'), [], { spawner });
    const task = await fleet.ask();
    expect(task.status.state).toBe('TASK_STATE_FAILED');
    expect(JSON.stringify(task.status.message)).toContain('DEADLINE_EXCEEDED');
  });

  test('rule 16: a finished session keeps a bounded number of records, all expiring, and vanishes after its retention (WorkflowDefinition.retentionSeconds)', async () => {
    const fleet = await bench();
    await fleet.supervise(graphYaml({ a: [], b: ['a'] }, {}, 'deadlineSeconds: 1\nretentionSeconds: 0.2'), [
      counting(),
    ]);
    await fleet.ask();
    const kept = await fleet.retained();
    // The plan, the outcome, one caller; for each step its claim, status and result.
    expect(kept.size).toBeLessThanOrEqual(3 + 2 * 3);
    for (const message of kept.values()) expect(message.messageExpirySeconds).toBeGreaterThan(0);
    await fleet.logged(({ message }) => message === 'purge');
    while ((await fleet.retained()).size > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test('rule 19: the card of a workflow is held by one supervisor, and another takes it over', async () => {
    const fleet = await bench();
    const first = await fleet.supervise(one, [counting()]);
    await fleet.logged(({ message }) => message === 'holds the card');
    const second = await fleet.supervise(one, [counting()]);
    expect(first.stats().cardsHeld).toEqual(['flow']);
    expect(second.stats().cardsHeld).toEqual([]);
    await first.stop();
    await fleet.logged(() => second.stats().cardsHeld.length === 1);
    expect((await fleet.ask()).status.state).toBe('TASK_STATE_COMPLETED');
  });

  test('a long-lived agent that is wanted is started, and started again when it dies', async () => {
    const fleet = await bench();
    const { createAgent } = await import('@shoal/agent-sdk');
    const agents: { kill: () => void }[] = [];
    const watcher = {
      id: 'watcher',
      description: 'Watches.',
      start: async ({
        org,
        unit,
        agentId,
        url,
        config,
      }: {
        org: string;
        unit: string;
        agentId: string;
        url: string;
        config: object;
      }) => {
        const agent = createAgent({
          url,
          org,
          unit,
          agentId,
          card: {
            name: agentId,
            description: JSON.stringify(config),
            skills: [{ id: 'watch', name: 'Watch', description: 'x', tags: ['x'] }],
          },
          handle: () => Promise.resolve('here'),
        });
        await agent.start();
        agents.push({ kill: () => agent.link?.destroy() });
        fleet.logger.info('agent up');
        return { stop: () => agent.stop() };
      },
    };
    await fleet.supervise(one, [], { agents: [watcher], agentBlueprints: ['watcher'] });
    const desired = {
      schemaVersion: 1,
      agentId: 'pump-01',
      blueprint: 'watcher',
      config: { n: 1 },
      state: 'running',
    };
    await fleet.link.publish(`shoal/v1/o/${fleet.unit}/agent/pump-01/desired`, JSON.stringify(desired), {
      retain: true,
    });
    const spawns = () => fleet.log.filter(({ message }) => message === 'spawn agent').length;
    await fleet.logged(() => agents.length === 1);
    expect(await fleet.requester.send(fleet.address('pump-01'), 'hello')).toMatchObject({
      status: { state: 'TASK_STATE_COMPLETED' },
    });
    agents[0]?.kill();
    await fleet.logged(() => spawns() === 2 && agents.length === 2);
    expect(await fleet.requester.send(fleet.address('pump-01'), 'hello')).toMatchObject({
      status: { state: 'TASK_STATE_COMPLETED' },
    });
    await fleet.link.publish(
      `shoal/v1/o/${fleet.unit}/agent/pump-01/desired`,
      JSON.stringify({ ...desired, state: 'stopped' }),
      { retain: true },
    );
    await fleet.logged(({ message }) => message === 'the agent is no longer wanted');
    expect(spawns()).toBe(2);
  });
});
