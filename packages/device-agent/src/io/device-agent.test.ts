import { createAgent, createRequester, dataOf, type Agent, type TaskContext } from '@shoal/agent-sdk';
import { createBroker, type Broker } from '@shoal/broker';
import { pumpModel, startDevice } from '@shoal/device-sim';
import { openLink, readRetained, type Link } from '@shoal/mqtt-link';
import { agentTopics, deviceTopics, discoveryTopic, type Task } from '@shoal/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeviceContext } from '../core/agent/device-context.ts';
import { gaussian } from '../testing/gaussian.ts';
import type { DeviceStatus } from '../core/agent/status.ts';
import type { DeviceAgent, DeviceAgentOptions } from './device-agent-options.ts';
import { startDeviceAgent } from './device-agent.ts';

const UNIT = { org: 'acme', unit: 'plant' };
const PUMP = { ...UNIT, agentId: 'pump-01' };
const WORKFLOW = { ...UNIT, agentId: 'predictive-maintenance' };
const LEARN = 120;

let broker: Broker;
let url: string;
let link: Link;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  broker = createBroker({ allowAnonymous: true });
  url = (await broker.start()).tcp!.url;
  link = await openLink({ url, clientId: 'test-observer' });
});

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  await link.close();
  await broker.stop();
});

async function start(options: Partial<DeviceAgentOptions> = {}): Promise<DeviceAgent> {
  const agent = await startDeviceAgent({
    url,
    ...UNIT,
    deviceId: 'pump-01',
    detector: { learnSamples: LEARN },
    stateIntervalMs: 20,
    deviceTimeoutMs: 200,
    reconnect: { minDelayMs: 20, maxDelayMs: 40 },
    ...options,
  });
  closing.push(() => agent.stop());
  return agent;
}

/** A workflow that answers each new task; `hold` keeps it at work until it resolves. */
async function startWorkflow(seen: TaskContext[], hold?: Promise<void>): Promise<Agent> {
  const agent = createAgent({
    url,
    ...WORKFLOW,
    card: { name: 'Predictive maintenance', description: 'Makes work orders.' },
    async handle(task) {
      seen.push(task);
      await task.progress('diagnosing');
      await hold;
      return { text: 'work order written', data: { workOrderId: 'WO-1', taskId: task.taskId } };
    },
  });
  await agent.start();
  closing.push(() => agent.stop({ graceMs: 0 }));
  return agent;
}

function signal(): (fault: boolean) => Record<string, number> {
  const noise = gaussian(11);
  return (fault) => ({ flow: 30 + noise() - (fault ? 9 : 0), current: 2 + 0.1 * noise() });
}

/** Publishes samples `from` to `to`; from `faultFrom` on the flow is too low. */
async function feed(from: number, to: number, faultFrom: number, next = signal()): Promise<void> {
  for (let seq = from; seq < to; seq++) {
    const at = new Date(Date.UTC(2026, 0, 1) + seq * 1000).toISOString();
    const sample = {
      schemaVersion: 1,
      deviceId: 'pump-01',
      at,
      seq,
      channels: next(seq >= faultFrom),
      units: { flow: 'l/min' },
    };
    await link.publish(deviceTopics({ ...UNIT, deviceId: 'pump-01' }).telemetry, JSON.stringify(sample), {
      qos: 1,
    });
  }
}

async function until<T>(read: () => T | Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function savedContext(): Promise<DeviceContext> {
  const topic = agentTopics(PUMP).state;
  const message = (await readRetained(link, topic)).get(topic);
  return (message === undefined ? undefined : JSON.parse(message.text()).data) as DeviceContext;
}

function asker() {
  const requester = createRequester({ link, address: { ...UNIT, agentId: 'asker' } });
  closing.push(() => requester.close());
  return async (input: string | Record<string, unknown>): Promise<Task> =>
    (await requester.send(PUMP, typeof input === 'string' ? input : { data: input })) as Task;
}

function answerOf(task: Task): Record<string, unknown> {
  const parts = task.artifacts?.flatMap((artifact) => artifact.parts) ?? [];
  return dataOf({ messageId: '', role: 'ROLE_AGENT', parts }) as Record<string, unknown>;
}

describe('a device agent', () => {
  it('publishes a card with its device, relations and skills', async () => {
    await start({
      deviceType: 'pump',
      site: 'north',
      relations: [{ deviceId: 'pump-02', relation: 'standby' }],
    });
    const topic = discoveryTopic(PUMP);
    const card = JSON.parse((await readRetained(link, topic)).get(topic)!.text());
    const extension = card.capabilities.extensions.find(
      (one: { uri: string }) => one.uri === 'urn:shoal:device:v1',
    );
    expect(extension.params).toMatchObject({
      deviceId: 'pump-01',
      relations: [{ deviceId: 'pump-02', relation: 'standby' }],
    });
    expect(card.skills.map((skill: { id: string }) => skill.id)).toEqual([
      'status',
      'operate',
      'relearn',
      'explain',
    ]);
    expect(card.skills[0].tags).toEqual(expect.arrayContaining(['pump', 'north']));
  });

  it('ignores malformed telemetry, counts it, and goes on', async () => {
    const agent = await start();
    const { telemetry } = deviceTopics({ ...UNIT, deviceId: 'pump-01' });
    const good = {
      schemaVersion: 1,
      deviceId: 'pump-01',
      at: '2026-01-01T00:00:00Z',
      seq: 0,
      channels: { flow: 1 },
    };
    const bad = [
      'not json',
      '{}',
      '[]',
      JSON.stringify({ ...good, channels: { flow: 'x' } }),
      JSON.stringify({ ...good, at: 'yesterday' }),
      JSON.stringify({ ...good, deviceId: 'pump-02' }),
      JSON.stringify({ ...good, schemaVersion: 7 }),
    ];
    for (const payload of [...bad, '\u0000', JSON.stringify(good)])
      await link.publish(telemetry, payload, { qos: 1 });
    const { telemetry: counted } = await until(
      () => agent.status(),
      (status) => status.telemetry.received > 0,
    );
    expect(counted).toMatchObject({ received: 1, malformed: bad.length + 1 });
  });

  it('makes exactly one request of a flood of bad samples and keeps its outcome', async () => {
    const seen: TaskContext[] = [];
    await startWorkflow(seen);
    const agent = await start({ workflow: WORKFLOW });
    await feed(0, LEARN + 300, LEARN + 40);
    const status = await until(
      () => agent.status(),
      ({ requests }) => requests.some(({ state }) => state === 'ended'),
    );
    expect(seen).toHaveLength(1);
    expect(seen[0]!.data).toMatchObject({
      deviceId: 'pump-01',
      agentId: 'pump-01',
      evidence: { kind: 'anomaly', channels: [{ channel: 'flow', unit: 'l/min' }] },
    });
    expect(status).toMatchObject({ health: 'anomalous', incident: { kind: 'anomaly' } });
    expect(status.requests).toMatchObject([
      { taskId: seen[0]!.taskId, taskState: 'TASK_STATE_COMPLETED', outcome: { workOrderId: 'WO-1' } },
    ]);
  });

  it('writes the request down before it sends it', async () => {
    const contexts: Promise<DeviceContext>[] = [];
    const seen: TaskContext[] = [];
    await startWorkflow({
      push: (task: TaskContext) => contexts.push(savedContext()) + seen.push(task),
    } as never);
    const agent = await start({ workflow: WORKFLOW, stateIntervalMs: 60_000 });
    await feed(0, LEARN + 100, LEARN + 40);
    await until(
      () => agent.status(),
      ({ requests }) => requests.some(({ state }) => state === 'ended'),
    );
    expect((await contexts[0])!.requests).toMatchObject([{ taskId: seen[0]!.taskId }]);
  });

  it('knows after a kill what it had learnt, bit for bit', async () => {
    const agent = await start();
    const next = signal();
    await feed(0, LEARN + 30, 9999, next);
    await until(
      () => agent.status(),
      ({ telemetry }) => telemetry.received === LEARN + 30,
    );
    const before = await until(savedContext, (context) => context?.monitor.received === LEARN + 30);
    expect(before.learnedSamples).toBe(LEARN);
    agent.agent.link.destroy();
    const successor = await start();
    expect(await agent.ended).toBe('closed');
    expect(successor.status()).toMatchObject({ phase: 'judging', learnedSamples: LEARN });
    await feed(LEARN + 30, LEARN + 31, 9999, next);
    const after = await until(savedContext, (context) => context.monitor.received === LEARN + 31);
    expect(JSON.stringify(after.monitor.detector!.baseline!.precision)).toBe(
      JSON.stringify(before.monitor.detector!.baseline!.precision),
    );
    expect(after.monitor.detector!.samples).toBe(LEARN + 31);
    await feed(LEARN + 31, LEARN + 90, LEARN + 31, next);
    await until(
      () => successor.status(),
      ({ health }) => health === 'anomalous',
    );
  });

  it('saves what it knows with an end', async () => {
    await start();
    await feed(0, 3, 9999);
    await until(savedContext, (context) => context !== undefined);
    const topic = agentTopics(PUMP).state;
    const saved = (await readRetained(link, topic)).get(topic);
    expect(saved?.messageExpirySeconds).toBeGreaterThan(0);
  });

  it('writes down at once what it learnt and what happened, however rarely it writes the rest', async () => {
    await start({ stateIntervalMs: 86_400_000 });
    const next = signal();
    await feed(0, LEARN, 9999, next);
    const learnt = await until(savedContext, (context) => (context?.learnedSamples ?? 0) === LEARN);
    expect(learnt.monitor.received).toBe(LEARN);
    await feed(LEARN, LEARN + 60, LEARN + 20, next);
    await until(savedContext, (context) => context.monitor.incidents.open !== null);
    await feed(LEARN + 60, LEARN + 200, 9999, next);
    await until(savedContext, (context) => context.monitor.incidents.history.length === 1);
  });

  it('has its successor follow the request that it had sent, under the same ids', async () => {
    let release!: () => void;
    const seen: TaskContext[] = [];
    await startWorkflow(seen, new Promise((resolve) => (release = resolve)));
    const agent = await start({ workflow: WORKFLOW });
    await feed(0, LEARN + 80, LEARN + 40);
    await until(
      () => seen.length,
      (count) => count === 1,
    );
    agent.agent.link.destroy();
    const successor = await start({ workflow: WORKFLOW });
    await agent.ended;
    release();
    const { requests } = await until(
      () => successor.status(),
      (status) => status.requests[0]?.state === 'ended',
    );
    expect(requests).toMatchObject([{ taskId: seen[0]!.taskId, outcome: { taskId: seen[0]!.taskId } }]);
    expect(seen).toHaveLength(1);
  });

  it('gives way to a successor that takes over its client id, and writes nothing more', async () => {
    const agent = await start();
    await feed(0, 30, 9999);
    await until(
      () => agent.status(),
      ({ telemetry }) => telemetry.received === 30,
    );
    const successor = await start();
    expect(await agent.ended).toBe('fenced');
    await feed(30, 60, 9999);
    await until(
      () => successor.status(),
      ({ telemetry }) => telemetry.received > 30,
    );
    expect(agent.status().telemetry.received).toBe(30);
  });

  it('answers questions in words, requests for data, and rejects what it does not understand', async () => {
    await start();
    const ask = asker();
    const words = (await ask('How are you?')).artifacts![0]!.parts[0]!.text;
    expect(words).toContain('no telemetry seen yet');
    expect(words).toContain('without a language model');
    expect(answerOf(await ask({ skill: 'status' })) as unknown as DeviceStatus).toMatchObject({
      health: 'silent',
      learnedSamples: 0,
    });
    expect((await ask({ skill: 'dance' })).status).toMatchObject({ state: 'TASK_STATE_REJECTED' });
    expect((await ask({ skill: 'operate', tool: 7 })).status).toMatchObject({ state: 'TASK_STATE_REJECTED' });
    expect(answerOf(await ask({ skill: 'operate', tool: 'stop' }))).toMatchObject({
      ok: false,
      outcome: 'failed',
    });
  });

  it('starts from nothing when the saved context cannot be read', async () => {
    await link.publish(agentTopics(PUMP).state, '{"schemaVersion":1,"kind":"other"}', { retain: true });
    expect((await start()).status()).toMatchObject({ health: 'silent', learnedSamples: 0 });
  });
});

describe('with a simulated pump', () => {
  async function startPump(faultAt?: number) {
    const faults = faultAt === undefined ? [] : [{ kind: 'imbalance' as const, startsAtSample: faultAt }];
    const device = await startDevice({
      url,
      ...UNIT,
      deviceId: 'pump-01',
      source: pumpModel({ seed: 1, faults }),
      speed: 300,
    });
    closing.push(() => device.stop());
    return device;
  }

  it('learns, stays quiet, then finds the fault and asks the workflow once', async () => {
    const seen: TaskContext[] = [];
    await startWorkflow(seen);
    const agent = await start({ workflow: WORKFLOW, detector: { learnSamples: 400 } });
    const device = await startPump(600);
    const status = await until(
      () => agent.status(),
      ({ requests }) => requests.some(({ state }) => state === 'ended'),
    );
    expect(status.incident?.channels.some((channel) => channel.startsWith('vibration'))).toBe(true);
    expect(device.state.samples).toBeGreaterThan(600);
    expect(seen).toHaveLength(1);
  });

  it('is the one door to it: sets the speed once, repeats answers, drops what is superseded', async () => {
    const device = await startPump();
    const agent = await start();
    await until(
      () => agent.status(),
      ({ speed }) => speed !== null,
    );
    const ask = asker();
    const order = {
      skill: 'operate',
      tool: 'set_speed',
      args: { rpm: 1200 },
      sessionId: 's1',
      stepId: 'protect',
      attempt: 2,
    };
    expect(answerOf(await ask(order))).toMatchObject({ ok: true, outcome: 'done', result: { rpm: 1200 } });
    expect(device.state.rpm).toBe(1200);
    expect(answerOf(await ask(order))).toMatchObject({ ok: true, repeated: true });
    const late = { ...order, attempt: 1, args: { rpm: 900 } };
    expect(answerOf(await ask(late))).toMatchObject({ ok: false, outcome: 'superseded' });
    expect(device.state.rpm).toBe(1200);
    expect(answerOf(await ask({ ...order, args: { rpm: 1e9 } }))).toMatchObject({
      ok: false,
      outcome: 'failed',
    });
    expect(answerOf(await ask({ ...order, tool: 'explode' }))).toMatchObject({
      ok: false,
      outcome: 'failed',
    });
    expect(agent.status()).toMatchObject({
      speed: { setpointRpm: 1200 },
      headroomPercent: expect.any(Number),
    });
    // What was refused here is not written down: it never went out.
    expect((await savedContext()).orders).toMatchObject([{ state: 'done' }]);
  });
});
