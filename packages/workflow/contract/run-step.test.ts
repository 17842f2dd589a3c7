import { createAgent } from '@shoal/agent-sdk';
import { consoleLogger, readRetained } from '@shoal/mqtt-link';
import { startFaultProxy } from '@shoal/mqtt-link/testing';
import { sessionTopics } from '@shoal/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { defineBlueprint, StepError, type Blueprint, type StepContext } from '../src/index.ts';
import { graphYaml } from '../src/testing/index.ts';
import { BROKERS, SessionBench, type TestBroker } from './session-bench.ts';

describe.each(BROKERS)('a step on %s', (_, start) => {
  let broker: TestBroker;
  const benches: SessionBench[] = [];

  beforeAll(async () => void (broker = await start()));
  afterEach(async () => void (await Promise.all(benches.splice(0).map((bench) => bench.close()))));
  afterAll(() => broker.stop());

  async function bench(yaml: string, data?: Record<string, unknown>): Promise<SessionBench> {
    const opened = await SessionBench.open(broker.url, yaml, data);
    benches.push(opened);
    return opened;
  }

  /** A blueprint whose output tells what it saw. */
  const echo = defineBlueprint({
    id: 'work',
    description: 'Echoes.',
    run: (context) =>
      Promise.resolve({ output: { step: context.stepId, results: context.results, input: context.input } }),
  });

  function gate(): {
    blueprint: Blueprint;
    entered: Promise<StepContext>;
    open: () => void;
    runs: () => number;
  } {
    let entered: (context: StepContext) => void = () => undefined;
    let open: () => void = () => undefined;
    let runs = 0;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const inside = new Promise<StepContext>((resolve) => (entered = resolve));
    const blueprint = defineBlueprint({
      id: 'work',
      description: 'Waits.',
      run: async (context) => {
        runs += 1;
        entered(context);
        const aborted = new Promise<never>((__, reject) =>
          context.signal.addEventListener('abort', () => reject(context.signal.reason as Error)),
        );
        await Promise.race([opened, aborted]);
        return { output: 'worked' };
      },
    });
    return { blueprint, entered: inside, open: () => open(), runs: () => runs };
  }

  test('a diamond runs by itself: each result once, in order, the outcome last, and every record expires', async () => {
    const one = await bench(graphYaml({ a: [], b: ['a'], c: ['a'], d: ['c', 'b'] }));
    await one.addCaller(false);
    const ends = await one.runAll([echo]);
    expect(ends.map(({ end }) => end)).toEqual(['done', 'done', 'done', 'done']);
    await one.until(({ replies }) => replies.length > 0);
    expect(one.view.outcome?.state).toBe('completed');
    expect(one.view.steps.get('d')?.result?.output).toMatchObject({
      results: { c: { step: 'c' }, b: { step: 'b' } },
    });
    for (const step of ['a', 'b', 'c', 'd']) expect(one.countOf(`${step}/result`)).toBe(1);
    expect(one.countOf('outcome')).toBe(1);
    expect(one.replies).toHaveLength(1);
    expect(one.replies[0]?.body).toEqual({ jsonrpc: '2.0', id: 7, result: { task: one.view.outcome?.task } });
    // A clean end sends no Will: whatever the broker made of the disconnects is retained by now.
    const statuses = await readRetained(one.link, `${sessionTopics(one.session).session}/step/+/status`);
    const states = [...statuses.values()].map(
      (message) => (JSON.parse(message.text()) as { state: string }).state,
    );
    expect(states).toEqual(['done', 'done', 'done', 'done']);
  });

  test('inputs are resolved from variables and from the results of earlier steps', async () => {
    const yaml = `
id: flow
description: x
variables: { device: { type: string } }
steps:
  - { id: a, use: { blueprint: work }, with: { device: "\${ variables.device }" } }
  - { id: b, use: { blueprint: work }, needs: [a], with: { text: "\${ steps.a.output.input.device } is checked" } }
`;
    const one = await bench(yaml, { device: 'pump-01' });
    await one.runAll([echo]);
    await one.until(({ view }) => view.outcome !== undefined);
    expect(one.view.steps.get('b')?.result?.output).toMatchObject({ input: { text: 'pump-01 is checked' } });
  });

  test('a streaming caller sees progress at once, then the artifacts, then the end', async () => {
    const one = await bench(graphYaml({ a: [] }));
    await one.addCaller(true);
    const { blueprint, entered, open } = gate();
    const run = one.run('a', [blueprint]);
    (await entered).progress('half way', { percent: 50 });
    await one.until(({ replies }) => JSON.stringify(replies).includes('half way'));
    expect(one.view.outcome).toBeUndefined();
    open();
    await run;
    await one.until(({ replies }) => JSON.stringify(replies.at(-1)).includes('COMPLETED'));
    const kinds = one.replies.map(({ body }) => Object.keys(body.result)[0]);
    expect(kinds.slice(-2)).toEqual(['artifactUpdate', 'statusUpdate']);
  });

  test('S6: an error is a typed failed result and never output; the steps after it are skipped', async () => {
    const one = await bench(graphYaml({ a: [], b: ['a'] }, { a: 'retry: { maxAttempts: 1 }' }));
    const broken = defineBlueprint({ ...echo, run: () => Promise.reject(new TypeError('x is undefined')) });
    await one.runAll([broken]);
    await one.until(({ view }) => view.outcome !== undefined);
    expect(one.view.steps.get('a')?.result).toMatchObject({
      state: 'failed',
      error: { code: 'STEP_THREW', message: 'TypeError: x is undefined' },
    });
    expect(one.view.steps.get('b')?.result).toMatchObject({
      state: 'skipped',
      error: { code: 'UPSTREAM_FAILED' },
    });
    expect(one.view.outcome?.state).toBe('failed');
  });

  test.each([
    ['nothing', undefined],
    [
      'a circle',
      (() => {
        const o: Record<string, unknown> = {};
        o['o'] = o;
        return { output: o };
      })(),
    ],
    ['too much', { output: 'x'.repeat(300_000) }],
  ])('a blueprint that returns %s fails with a reason', async (__, output) => {
    const one = await bench(graphYaml({ a: [] }));
    await one.run('a', [defineBlueprint({ ...echo, run: () => Promise.resolve(output as never) })]);
    await one.until(({ view }) => view.outcome !== undefined);
    expect(one.view.steps.get('a')?.result?.state).toBe('failed');
  });

  test('a retryable failure asks for the next attempt and leaves no result; the last one does', async () => {
    const one = await bench(graphYaml({ a: [] }, { a: 'retry: { maxAttempts: 2, backoffSeconds: 0.01 }' }));
    const flaky = defineBlueprint({
      ...echo,
      run: () => Promise.reject(new StepError('BUSY', 'later', { retryable: true })),
    });
    expect((await one.run('a', [flaky])).end).toBe('retrying');
    await one.until(({ view }) => view.steps.get('a')?.status?.state === 'retrying');
    expect(one.view.steps.get('a')?.result).toBeUndefined();
    expect((await one.run('a', [flaky], 2)).end).toBe('done');
    await one.until(({ view }) => view.outcome !== undefined);
    expect(one.view.steps.get('a')?.result?.error?.code).toBe('ATTEMPTS_EXHAUSTED');
  });

  test('S7: cancel reaches a running and a waiting step of its own session, and no other', async () => {
    const yaml = graphYaml({ a: [], b: ['a'] });
    const [one, other] = [await bench(yaml), await bench(yaml)];
    const [mine, theirs] = [gate(), gate()];
    const runs = [one.run('a', [mine.blueprint]), one.run('b', [mine.blueprint])];
    const theirRun = other.run('a', [theirs.blueprint]);
    await Promise.all([mine.entered, theirs.entered]);
    await one.until(({ view }) => view.steps.get('b')?.status?.state === 'waiting');
    await one.cancel();
    await Promise.all(runs);
    await one.until(({ view }) => view.outcome !== undefined);
    expect(one.view.outcome?.state).toBe('canceled');
    expect([...one.view.steps.values()].map(({ result }) => result?.state)).toEqual(['canceled', 'canceled']);
    theirs.open();
    await theirRun;
    await other.until(({ view }) => view.steps.get('a')?.result !== undefined);
    expect(other.view.steps.get('a')?.result?.state).toBe('completed');
  });

  test('a step that takes too long is aborted and fails', async () => {
    const one = await bench(graphYaml({ a: [] }, { a: 'timeoutSeconds: 0.1, retry: { maxAttempts: 1 }' }));
    const { blueprint } = gate();
    await one.run('a', [blueprint]);
    await one.until(({ view }) => view.outcome !== undefined);
    expect(one.view.steps.get('a')?.result?.error?.message).toContain('STEP_TIMEOUT');
  });

  test('the deadline of the session ends a waiting step', async () => {
    const one = await bench(graphYaml({ a: [], b: ['a'] }, {}, 'deadlineSeconds: 0.2'));
    const host = new AbortController();
    const run = one.run('b', [echo], 1, { signal: host.signal });
    await one.until(({ view }) => view.steps.get('b')?.result !== undefined);
    expect(one.view.steps.get('b')?.result?.error?.code).toBe('DEADLINE_EXCEEDED');
    one.link.destroy();
    host.abort();
    await run;
  });

  test('V5: the intent is on the broker before the effect, and a successor without a result ends as unknown', async () => {
    const one = await bench(graphYaml({ a: [] }, { a: 'idempotent: false' }));
    let intentSeen = false;
    const host = new AbortController();
    const blueprint = defineBlueprint({
      ...echo,
      run: async () => {
        await one.until(({ view }) => view.steps.get('a')?.intent !== undefined);
        intentSeen = true;
        host.abort();
        return new Promise(() => undefined);
      },
    });
    expect((await one.run('a', [blueprint], 1, { signal: host.signal })).end).toBe('abandoned');
    expect(intentSeen).toBe(true);
    await one.until(({ view }) => view.steps.get('a')?.status?.state === 'lost');
    await one.run('a', [echo], 2);
    await one.until(({ view }) => view.outcome !== undefined);
    expect(one.view.steps.get('a')?.result).toMatchObject({
      state: 'unknown',
      error: { code: 'EFFECT_UNKNOWN' },
    });
    expect(one.view.outcome?.state).toBe('unknown');
  });

  test('an idempotent step leaves no intent', async () => {
    const one = await bench(graphYaml({ a: [] }));
    await one.run('a', [echo]);
    await one.until(({ view }) => view.outcome !== undefined);
    expect(one.view.steps.get('a')?.intent).toBeUndefined();
  });

  test('a new attempt evicts the old one, whose work is aborted and whose result never appears', async () => {
    const one = await bench(graphYaml({ a: [] }));
    const { blueprint, entered } = gate();
    const old = one.run('a', [blueprint]);
    const { signal, link } = await entered;
    const fresh = one.run('a', [echo], 2);
    expect((await old).end).toBe('superseded');
    expect(signal.aborted).toBe(true);
    await expect(link.publish('x', 'y')).rejects.toMatchObject({ code: 'not-connected' });
    expect((await fresh).end).toBe('done');
    await one.until(({ view }) => view.outcome !== undefined);
    expect(one.view.steps.get('a')?.result?.attempt).toBe(2);
    expect(one.countOf('a/result')).toBe(1);
  });

  test('V3: an attempt that was superseded before it connects stands down without touching the live one', async () => {
    const one = await bench(graphYaml({ a: [] }));
    const { blueprint, entered, open } = gate();
    const live = one.run('a', [blueprint], 2);
    await entered;
    expect(await one.spawn('a', [echo], 1)).toMatchObject({ end: 'superseded' });
    open();
    expect((await live).end).toBe('done');
  });

  test('V2, V3: a lost connection is not the end: the same attempt comes back, works once, and its result counts', async () => {
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(broker.url).port) });
    const one = await bench(graphYaml({ a: [] }));
    const { blueprint, entered, open, runs } = gate();
    const run = one.run('a', [blueprint], 1, { url: proxy.url });
    await entered;
    await one.until(({ view }) => view.steps.get('a')?.status?.state === 'running');
    proxy.cut();
    await one.until(({ view }) => view.steps.get('a')?.status?.state === 'lost');
    await one.until(({ view }) => view.steps.get('a')?.status?.state === 'running');
    open();
    expect((await run).end).toBe('done');
    expect(runs()).toBe(1);
    await one.until(({ view }) => view.outcome !== undefined);
    await proxy.stop();
  });

  test('a broker that stays away keeps no instance: it leaves when nobody may act for the session any more', async () => {
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(broker.url).port) });
    const one = await bench(graphYaml({ a: [] }));
    const { blueprint, entered } = gate();
    const log: string[] = [];
    let aheadMs = 0;
    const run = one.run('a', [blueprint], 1, {
      url: proxy.url,
      now: () => Date.now() + aheadMs,
      logger: consoleLogger('error', (line) => log.push(line)),
    });
    const { signal, link } = await entered;
    await one.until(({ view }) => view.steps.get('a')?.status?.state === 'running');
    // After that nothing wakes it but the lost connection.
    await link.publish('test/u/here', '', { qos: 1 });
    proxy.refuse(true);
    aheadMs = Date.parse(one.session.deadlineAt) - Date.now() - 200;
    proxy.cut();
    expect(await run).toMatchObject({
      end: 'abandoned',
      reason: expect.stringContaining('the broker was away') as string,
    });
    expect(signal.aborted).toBe(true);
    expect(log.join('')).toContain('the instance gives up stepId=a reason="the broker was away');
    await proxy.stop();
  });

  test('V7: a respawned closer skips the work, writes the outcome, and answers', async () => {
    const one = await bench(graphYaml({ a: [] }));
    await one.addCaller(false);
    const result = {
      schemaVersion: 1,
      sessionId: one.session.sessionId,
      stepId: 'a',
      attempt: 1,
      state: 'completed',
      output: 'from attempt 1',
      at: new Date().toISOString(),
    };
    await one.put(sessionTopics(one.session).step('a').result, result);
    expect((await one.run('a', [echo], 2)).end).toBe('done');
    await one.until(({ replies }) => replies.length > 0);
    expect(JSON.stringify(one.replies)).toContain('from attempt 1');
    expect(one.countOf('a/result')).toBe(1);
  });

  test('V10: the closer waits for every step, also for one that nobody needs', async () => {
    const one = await bench(graphYaml({ slow: [], last: [] }));
    expect(one.session.closer).toBe('last');
    const { blueprint, entered, open } = gate();
    const slow = one.run('slow', [blueprint]);
    const last = one.run('last', [echo]);
    await entered;
    await one.until(({ view }) => view.steps.get('last')?.result !== undefined);
    expect(one.view.outcome).toBeUndefined();
    open();
    await Promise.all([slow, last]);
    await one.until(({ view }) => view.outcome !== undefined);
    expect(one.writes.indexOf('outcome')).toBeGreaterThan(one.writes.indexOf('slow/result'));
  });

  test('V8: a stand-in ends the step in the place of its instance, as its client', async () => {
    const one = await bench(graphYaml({ a: [] }));
    await one.addCaller(false);
    const error = { code: 'ATTEMPTS_EXHAUSTED', message: 'three died' };
    const end = await one.run('a', [], 4, { standIn: { state: 'failed', error, supervisorId: 's1' } });
    expect(end.end).toBe('done');
    await one.until(({ replies }) => replies.length > 0);
    expect(one.view.steps.get('a')?.result).toMatchObject({ state: 'failed', error, supervisorId: 's1' });
    expect(one.view.outcome).toMatchObject({ state: 'failed', supervisorId: 's1' });
  });

  test('a host without the blueprint fails the step by name', async () => {
    const one = await bench(graphYaml({ a: [] }));
    await one.run('a', []);
    await one.until(({ view }) => view.outcome !== undefined);
    expect(one.view.steps.get('a')?.result?.error).toMatchObject({
      code: 'UNKNOWN_BLUEPRINT',
      message: 'this host has no blueprint "work"',
    });
  });

  test('S10: a plan that was tampered with is not executed', async () => {
    const one = await bench(graphYaml({ a: [] }));
    await one.put(sessionTopics(one.session).session, { ...one.session, variables: { evil: true } });
    expect(await one.run('a', [echo])).toMatchObject({ end: 'superseded' });
  });

  test.each([
    ['agent', 'use: { agent: "${ variables.who }" }'],
    ['skill', 'use: { skill: greet }'],
  ])('a step may be given to a live agent by %s; asked twice, the agent works once', async (__, use) => {
    let calls = 0;
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const host = new AbortController();
    const agent = createAgent({
      url: broker.url,
      org: 'o',
      unit: 'u',
      agentId: `greeter-${String(use.length)}`,
      card: {
        name: 'Greeter',
        description: 'Greets.',
        version: '1.0.0',
        skills: [{ id: 'greet', name: 'Greet', description: 'Greets.', tags: ['x'] }],
      },
      handle: async (task) => {
        calls += 1;
        host.abort();
        await finished;
        return { data: { hello: task.data } };
      },
    });
    await agent.start();
    try {
      const yaml = `id: flow\ndescription: x\nvariables: { who: { default: greeter-${String(use.length)} } }\nsteps: [{ id: a, ${use}, with: { n: 1 } }]`;
      const one = await bench(yaml);
      // The first attempt dies while the agent works; the second asks again.
      expect((await one.run('a', [], 1, { signal: host.signal })).end).toBe('abandoned');
      const second = one.run('a', [], 2);
      await one.until(({ view }) => view.steps.get('a')?.status?.state === 'running');
      finish();
      await second;
      await one.until(({ view }) => view.outcome !== undefined);
      expect(one.view.steps.get('a')?.result).toMatchObject({
        attempt: 2,
        state: 'completed',
        output: { hello: { n: 1 } },
      });
      expect(calls).toBe(1);
    } finally {
      await agent.stop();
    }
  });

  test('C3: one agent is given two steps of a session at once, and answers each', async () => {
    const agent = createAgent({
      url: broker.url,
      org: 'o',
      unit: 'u',
      agentId: 'clerk',
      card: { name: 'Clerk', description: 'Answers.' },
      handle: (task) => Promise.resolve({ data: task.data }),
    });
    await agent.start();
    try {
      const step = (id: string) => `  - { id: ${id}, use: { agent: clerk }, with: { who: ${id} } }\n`;
      const one = await bench(`id: flow\ndescription: x\nsteps:\n${step('a')}${step('b')}`);
      await one.runAll([]);
      await one.until(({ view }) => view.outcome !== undefined);
      const outputs = ['a', 'b'].map((id) => one.view.steps.get(id)?.result?.output);
      expect(outputs).toEqual([{ who: 'a' }, { who: 'b' }]);
    } finally {
      await agent.stop();
    }
  });
});
