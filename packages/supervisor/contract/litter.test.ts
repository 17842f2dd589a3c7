import { randomUUID } from 'node:crypto';
import { readRetained } from '@shoal/mqtt-link';
import { sessionTopics, writerTopic } from '@shoal/protocol';
import { defineBlueprint, parseWorkflow, planWorkflow, sessionControl, StepError } from '@shoal/workflow';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BROKERS, FleetBench, type TestBroker } from './fleet-bench.ts';

/** Plan, outcome, one caller; of each step its claim, status and result. */
const bound = (steps: number, more = 0): number => 3 + 3 * steps + more;
const CANCEL = { schemaVersion: 1, action: 'cancel', at: '2026-01-01T00:00:00.000Z' };
const undo = 'compensate: { use: { blueprint: work } }';

describe.each(BROKERS)('rule 16 on %s', (_, start) => {
  let broker: TestBroker;
  const benches: FleetBench[] = [];

  beforeAll(async () => void (broker = await start()));
  afterEach(async () => void (await Promise.all(benches.splice(0).map((bench) => bench.close()))));
  afterAll(() => broker.stop());

  const work = defineBlueprint({
    id: 'work',
    description: 'Works.',
    run: ({ stepId }) =>
      stepId === 'bad' ? Promise.reject(new StepError('BAD', 'bad')) : Promise.resolve({ output: 1 }),
  });

  async function finished(steps: string, during?: (fleet: FleetBench, id: string) => Promise<void>) {
    const fleet = await FleetBench.open(broker.url);
    benches.push(fleet);
    await fleet.supervise(`id: flow\ndescription: x\nsteps:\n${steps}\n`, [work]);
    const task = await fleet.ask();
    await during?.(fleet, task.id);
    const outcome = await fleet.ended(task.id);
    await fleet.until(async () => {
      const { session, steps: all } = await fleet.view(task.id);
      return all.get(session?.closer ?? '')?.status?.state === 'done';
    });
    const kept = await fleet.retained();
    for (const message of kept.values()) expect(message.messageExpirySeconds).toBeGreaterThan(0);
    return { outcome, kept: kept.size };
  }

  test('a fan-out of 8 items keeps its items and three records for each', async () => {
    const steps = '  - { id: each, use: { blueprint: work }, forEach: { in: "[1, 2, 3, 4, 5, 6, 7, 8]" } }';
    expect((await finished(steps)).kept).toBeLessThanOrEqual(bound(1 + 8, 1));
  });

  test('compensations keep three records each, and none when they did not run', async () => {
    const steps = (last: string) =>
      `  - { id: a, use: { blueprint: work }, ${undo} }\n  - { id: ${last}, use: { blueprint: work }, needs: [a], onFailure: compensate, ${undo} }`;
    expect((await finished(steps('bad'))).kept).toBeLessThanOrEqual(bound(2 + 1));
    expect((await finished(steps('good'))).kept).toBeLessThanOrEqual(bound(2));
  });

  test('a janitor removes what a broker keeps beyond its expiry, and what has no plan; nothing of it runs', async () => {
    const fleet = await FleetBench.open(broker.url);
    benches.push(fleet);
    const yaml = 'id: flow\ndescription: x\nsteps: [{ id: a, use: { blueprint: work } }]\n';
    const [expired, orphan] = [randomUUID(), randomUUID()];
    const message = { messageId: 'm', role: 'ROLE_USER' as const, taskId: expired, parts: [{ text: 'go' }] };
    const plan = planWorkflow(parseWorkflow(yaml), {
      org: 'o',
      unit: fleet.unit,
      sessionId: expired,
      contextId: expired,
      message,
      now: Date.now() - 86_400_000,
    });
    // As a broker without Message Expiry holds them.
    const put = (topic: string, record: unknown) =>
      fleet.link.publish(topic, JSON.stringify(record), { qos: 1, retain: true });
    const topics = sessionTopics({ org: 'o', unit: fleet.unit, sessionId: expired });
    await put(topics.session, plan);
    await put(topics.control, { ...CANCEL, sessionId: expired });
    const alone = sessionTopics({ org: 'o', unit: fleet.unit, sessionId: orphan });
    await put(alone.control, { ...CANCEL, sessionId: orphan });
    let laterMs = 0;
    const supervisor = await fleet.supervise(yaml, [work], {
      now: () => Date.now() + laterMs,
      reconcileIntervalMs: 50,
    });
    await fleet.until(async () => (await fleet.retained()).size === 1);
    expect([...(await fleet.retained()).keys()]).toEqual([alone.control]);
    laterMs = 3_700_000;
    await fleet.until(async () => (await fleet.retained()).size === 0);
    expect(supervisor.stats()).toMatchObject({ spawned: 0, knownSessions: 0 });
  });

  test('a janitor removes the last word of a shared connection when a broker keeps it beyond its expiry', async () => {
    const fleet = await FleetBench.open(broker.url);
    benches.push(fleet);
    const writerId = `writer-${randomUUID()}`;
    const topic = writerTopic({ org: 'o', unit: fleet.unit, writerId });
    const record = { schemaVersion: 1, writerId, supervisorId: 'gone', state: 'lost' };
    await fleet.link.publish(topic, JSON.stringify(record), { qos: 1, retain: true });
    const isThere = async (): Promise<boolean> => (await readRetained(fleet.link, topic)).size > 0;
    let laterMs = 0;
    await fleet.supervise(
      'id: flow\ndescription: x\nsteps: [{ id: a, use: { blueprint: work } }]\n',
      [work],
      {
        now: () => Date.now() + laterMs,
        reconcileIntervalMs: 50,
      },
    );
    laterMs = 3_500_000;
    // A session runs: whoever supervises has looked at everything since.
    await fleet.ended((await fleet.ask()).id);
    expect(await isThere()).toBe(true);
    laterMs = 3_700_000;
    await fleet.until(async () => !(await isThere()));
  });

  test('an approval keeps its question and its answer, a pause one record', async () => {
    const { outcome, kept } = await finished(
      '  - { id: ask, use: { approval: { prompt: "Go?" } } }',
      async (fleet, id) => {
        const control = sessionControl(fleet.link, { org: 'o', unit: fleet.unit, by: 'boss' });
        await control.pause(id);
        await control.resume(id);
        await control.approve(id);
      },
    );
    expect(outcome.state).toBe('completed');
    expect(kept).toBeLessThanOrEqual(bound(1, 2 + 1));
  });
});
