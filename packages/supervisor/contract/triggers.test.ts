import { startObservability } from '@shoal/observability';
import { startCollector, type CollectedSpan } from '@shoal/observability/testing';
import { deviceTopics, triggerTopic } from '@shoal/protocol';
import { defineBlueprint, isoTime, parseWorkflow } from '@shoal/workflow';
import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { BROKERS, FleetBench, type TestBroker } from './fleet-bench.ts';

describe.each(BROKERS)('triggers on %s', (_, start) => {
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

  function work(): ReturnType<typeof defineBlueprint> & { seen: unknown[] } {
    const seen: unknown[] = [];
    return {
      seen,
      ...defineBlueprint({
        id: 'work',
        description: 'Works.',
        run: ({ variables, request }) => {
          seen.push({ ...variables, request: request.parts });
          return Promise.resolve({ output: null });
        },
      }),
    };
  }

  const flow = (trigger: string, head = ''): string =>
    `id: flow\ndescription: x\n${head}\ntriggers: [${trigger}]\nsteps: [{ id: a, use: { blueprint: work } }]\n`;

  const send = (
    fleet: FleetBench,
    deviceId: string,
    temperature: number,
    userProperties: Record<string, string> = {},
  ) =>
    fleet.link.publish(
      deviceTopics({ org: 'o', unit: fleet.unit, deviceId }).telemetry,
      JSON.stringify({ deviceId, channels: { temperature } }),
      { qos: 1, userProperties },
    );

  const records = async (fleet: FleetBench) => {
    const { readRetained } = await import('@shoal/mqtt-link');
    return readRetained(fleet.link, `shoal/v1/o/${fleet.unit}/trigger/#`);
  };

  test('10 000 messages of one alarm, seen by two supervisors, are one run (WorkflowDefinition.triggers, WorkflowTrigger.id, WorkflowTrigger.telemetry, WorkflowTrigger.variables, TelemetryTrigger.when, TelemetryTrigger.key)', async () => {
    const fleet = await bench();
    const blueprint = work();
    const yaml = flow(
      `{ id: hot, telemetry: { when: "message.channels.temperature > 80.0", key: "message.deviceId" }, variables: { device: "\${ trigger.key }", value: "\${ message.channels.temperature }" } }`,
      'variables: { device: { type: string }, value: { type: number } }',
    );
    await Promise.all([fleet.supervise(yaml, [blueprint]), fleet.supervise(yaml, [blueprint])]);
    for (let batch = 0; batch < 20; batch += 1)
      await Promise.all(
        Array.from({ length: 500 }, (__, i) => send(fleet, 'pump-01', 81 + (batch + i) / 1000)),
      );
    await send(fleet, 'pump-02', 99);
    await fleet.until(
      async () => (await fleet.sessions()).filter(({ outcome }) => outcome !== undefined).length === 2,
    );
    expect(await fleet.sessions()).toHaveLength(2);
    expect(blueprint.seen).toHaveLength(2);
    expect(blueprint.seen).toContainEqual(expect.objectContaining({ device: 'pump-02', value: 99 }));
    // One record for each key, and no more (rule 16).
    expect((await records(fleet)).size).toBe(2);
  });

  const HOT = flow(`{ id: hot, telemetry: { when: "message.channels.temperature > 80.0" } }`);
  const OUTSIDE = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
  const traceparent = `00-${OUTSIDE.traceId}-${OUTSIDE.spanId}-01`;

  test('the run of an alarm is in the trace of the sample that raised it, whichever of two supervisors took it', async () => {
    const collector = await startCollector();
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
    vi.stubEnv('OTEL_METRICS_EXPORTER', 'none');
    const observability = await startObservability({ serviceName: 'test' });
    try {
      const fleet = await bench();
      await Promise.all([fleet.supervise(HOT, [work()]), fleet.supervise(HOT, [work()])]);
      // One device tells where its sample comes from, the other does not.
      await send(fleet, 'pump-01', 81, { traceparent });
      await send(fleet, 'pump-02', 81);
      await fleet.until(
        async () => (await fleet.sessions()).filter(({ outcome }) => outcome !== undefined).length === 2,
      );
      await Promise.all(fleet.supervisors.map((supervisor) => supervisor.stop()));
    } finally {
      await observability?.shutdown();
      vi.unstubAllEnvs();
      await collector.stop();
    }
    const chain = (span: CollectedSpan): readonly string[] => {
      const parent = collector.spans.find(({ spanId }) => spanId === span.parentSpanId);
      return [...(parent === undefined ? [String(span.parentSpanId)] : chain(parent)), span.name];
    };
    const run = ['telemetry flow/hot', 'trigger flow/hot', 'spawn a', 'step a'];
    const steps = collector.spans.filter(({ name }) => name === 'step a').map(chain);
    expect(steps).toHaveLength(2);
    expect(steps).toContainEqual([OUTSIDE.spanId, ...run]);
    expect(steps).toContainEqual(['undefined', ...run]);
    // The supervisor that was not the first says nothing of the sample.
    expect(collector.spans.filter(({ name }) => name === 'telemetry flow/hot')).toHaveLength(2);
  });

  test('a supervisor without OpenTelemetry hands the trace of the sample on to the session', async () => {
    const fleet = await bench();
    await fleet.supervise(HOT, [work()]);
    await send(fleet, 'pump-01', 81, { traceparent });
    await fleet.until(async () => (await fleet.sessions()).length === 1);
    expect((await fleet.sessions())[0]?.session?.trace).toEqual({ traceparent });
  });

  test('debounce, hysteresis and cooldown (TelemetryTrigger.forSeconds, TelemetryTrigger.clear, TelemetryTrigger.cooldownSeconds, TelemetryTrigger.topic)', async () => {
    const fleet = await bench();
    const blueprint = work();
    let nowMs = Date.now();
    await fleet.supervise(
      flow(
        `{ id: hot, telemetry: { topic: "shoal/v1/{org}/{unit}/device/pump-01/#", when: "message.channels.temperature > 80.0", clear: "message.channels.temperature < 70.0", forSeconds: 5, cooldownSeconds: 30 } }`,
      ),
      [blueprint],
      { now: () => nowMs },
    );
    // A link publishes in order, so a message that counts comes after those that do not.
    const say = async (temperature: number, afterMs = 0): Promise<void> => {
      nowMs += afterMs;
      await send(fleet, 'pump-01', temperature);
      await fleet.settled(`seen-${String(nowMs)}-${String(temperature)}`);
    };
    const runs = async () => (await fleet.sessions()).length;
    await say(81);
    await say(81, 4_000);
    await say(75, 500);
    await say(81, 500);
    await say(81, 4_999);
    expect(await runs()).toBe(0);
    await say(81, 1);
    await fleet.until(() => blueprint.seen.length === 1);
    await say(75, 60_000);
    await say(81, 10_000);
    await say(81, 10_000);
    expect(await runs()).toBe(1);
    await say(69, 1_000);
    await fleet.until(async () =>
      [...(await records(fleet)).values()].some((one) => one.text().includes('"armed"')),
    );
    await say(81, 1_000);
    await say(81, 5_000);
    await fleet.until(() => blueprint.seen.length === 2);
    expect(await runs()).toBe(2);
  });

  test('so many keys and no more are watched (TelemetryTrigger.maxKeys)', async () => {
    const fleet = await bench();
    const blueprint = work();
    await fleet.supervise(flow(`{ id: hot, telemetry: { when: "true", maxKeys: 2 } }`), [blueprint]);
    for (const id of ['a', 'b', 'c']) await send(fleet, id, 1);
    await fleet.logged(({ message }) => message === 'a message is no use to a trigger');
    await fleet.until(() => blueprint.seen.length === 2);
    expect(await fleet.sessions()).toHaveLength(2);
  });

  test('what cannot be read is logged and stops nobody', async () => {
    const fleet = await bench();
    const blueprint = work();
    await fleet.supervise(flow(`{ id: hot, telemetry: { when: "message.channels.temperature > 80.0" } }`), [
      blueprint,
    ]);
    const { telemetry } = deviceTopics({ org: 'o', unit: fleet.unit, deviceId: 'pump-01' });
    for (const payload of ['{', '', 'null', '[]', Buffer.from([0xff])])
      await fleet.link.publish(telemetry, payload);
    await send(fleet, 'pump-01', 90);
    await fleet.until(() => blueprint.seen.length === 1);
    expect(fleet.log.some(({ message }) => message === 'a message is no use to a trigger')).toBe(true);
  });

  test('an alarm whose supervisor died between its claim and its run is run by another', async () => {
    const fleet = await bench();
    const blueprint = work();
    const yaml = flow(
      `{ id: hot, telemetry: { when: "false" }, variables: { device: "x" } }`,
      'variables: { device: { type: string } }',
    );
    const at = isoTime(Date.now());
    const [workflowId, triggerId, key] = ['flow', 'hot', 'pump-01'];
    const hash = createHash('sha256').update(key).digest('hex').slice(0, 32);
    const record = {
      schemaVersion: 1,
      workflowId,
      triggerId,
      key,
      episode: 1,
      state: 'fired',
      claimId: 'c',
      supervisorId: 'dead',
      firedAt: at,
      variables: { device: 'y' },
      at,
    };
    const topic = triggerTopic({ org: 'o', unit: fleet.unit, workflowId, triggerId, hash });
    await fleet.link.publish(topic, JSON.stringify(record), { retain: true, qos: 1 });
    await Promise.all([fleet.supervise(yaml, [blueprint]), fleet.supervise(yaml, [blueprint])]);
    await fleet.until(() => blueprint.seen.length > 0);
    expect(blueprint.seen).toMatchObject([{ device: 'y' }]);
    expect(await fleet.sessions()).toHaveLength(1);
  });

  test('two supervisors and one clock make one run for each time (WorkflowTrigger.schedule, ScheduleTrigger.cron, WorkflowTrigger.description)', async () => {
    const fleet = await bench();
    const blueprint = work();
    const yaml = flow(
      `{ id: often, description: Every second, schedule: { cron: "* * * * * *" }, variables: { at: "\${ trigger.at }" } }`,
      'variables: { at: { type: string } }',
    );
    await Promise.all([fleet.supervise(yaml, [blueprint]), fleet.supervise(yaml, [blueprint])]);
    await fleet.until(() => blueprint.seen.length >= 3);
    const times = blueprint.seen.map((one) => (one as { at: string }).at);
    expect(new Set(times).size).toBe(times.length);
    const sorted = times.map((at) => Date.parse(at)).toSorted((a, b) => a - b);
    expect(sorted.slice(1).map((at, index) => at - (sorted[index] ?? 0))).toEqual(
      sorted.slice(1).map(() => 1_000),
    );
    expect((await records(fleet)).size).toBe(1);
  });

  test('what was missed while nobody was there is caught up as the schedule says (ScheduleTrigger.missed, ScheduleTrigger.maxMissed, ScheduleTrigger.timezone)', async () => {
    const fleet = await bench();
    const blueprint = work();
    const yaml = flow(
      `{ id: hourly, schedule: { cron: "30 * * * *", timezone: Asia/Kolkata, missed: all, maxMissed: 2 }, variables: { at: "\${ trigger.at }" } }`,
      'variables: { at: { type: string } }',
    );
    const base = Date.parse('2030-01-01T00:15:00Z');
    const first = await fleet.supervise(yaml, [blueprint], { now: () => base });
    await fleet.until(async () => (await records(fleet)).size === 1);
    await first.stop();
    await fleet.supervise(yaml, [blueprint], { now: () => base + 5 * 3_600_000 });
    await fleet.until(() => blueprint.seen.length === 2);
    expect(blueprint.seen.map((one) => (one as { at: string }).at).toSorted()).toEqual([
      '2030-01-01T04:00:00.000Z',
      '2030-01-01T05:00:00.000Z',
    ]);
  });
});

test.each([
  ['no cron', '{ id: t, schedule: { cron: nope } }', /triggers\[0\].schedule.cron/],
  ['no time zone', '{ id: t, schedule: { cron: "0 3 * * *", timezone: Mars/Olympus } }', /timezone/i],
  ['no expression', '{ id: t, telemetry: { when: "message.x >" } }', /triggers\[0\].telemetry.when/],
  ['steps', '{ id: t, telemetry: { when: "steps.a.output" } }', /triggers\[0\].telemetry.when/],
  ['a shared filter', '{ id: t, telemetry: { when: "true", topic: "$share/g/x" } }', /not shared/],
  ['no filter', '{ id: t, telemetry: { when: "true", topic: "a/#/b" } }', /whole levels/],
  ['too little', '{ id: t, telemetry: { when: "true" } }', /gives no value to variable "device"/],
  [
    'too much',
    '{ id: t, telemetry: { when: "true" }, variables: { device: x, nope: 1 } }',
    /"nope" is not declared/,
  ],
])('a trigger with %s is found before anything runs', (_, trigger, reason) => {
  const yaml = `id: flow\ndescription: x\nvariables: { device: { type: string } }\ntriggers: [${trigger}]\nsteps: [{ id: a, use: { blueprint: work } }]`;
  expect(() => parseWorkflow(yaml)).toThrow(reason);
});
