import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBroker } from '@shoal/broker';
import { canaryTopic } from '@shoal/protocol';
import { defineBlueprint } from '@shoal/workflow';
import { graphYaml } from '@shoal/workflow/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { BROKERS, FleetBench } from './fleet-bench.ts';

describe('rule 17: steps that must not act twice, on a broker that forgets', () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });

  async function open(path?: string): Promise<FleetBench> {
    const broker = createBroker({
      allowAnonymous: true,
      store: path === undefined ? 'memory' : { directory: path },
    });
    const { tcp } = await broker.start();
    closing.push(() => broker.stop());
    const fleet = await FleetBench.open(tcp?.url ?? '');
    closing.push(() => fleet.close());
    return fleet;
  }

  const work = defineBlueprint({
    id: 'work',
    description: 'Works.',
    run: () => Promise.resolve({ output: 1 }),
  });
  const acts = defineBlueprint({ ...work, idempotent: false });
  const once = graphYaml({ a: [] }, { a: 'idempotent: false' });

  test('their results are flagged, and so is the task', async () => {
    const fleet = await open();
    const supervisor = await fleet.supervise(once, [work]);
    expect(supervisor.stats().durability).toBe('lossy');
    const task = await fleet.ask();
    expect(task.metadata).toMatchObject({ outcome: 'completed', flags: ['BROKER_NOT_DURABLE'] });
    expect((await fleet.view(task.id)).steps.get('a')?.result?.flags).toEqual(['BROKER_NOT_DURABLE']);
  });

  test('or they are refused: by the supervisor that sees it in the plan, by the instance when its blueprint says it', async () => {
    const fleet = await open();
    await fleet.supervise([once, graphYaml({ a: [] }).replace('id: flow', 'id: other')], [acts], {
      nonIdempotent: 'refuse',
    });
    await expect(fleet.ask()).rejects.toThrow(/act twice is not safe/);
    const task = await fleet.requester.send(fleet.address('other'), 'go');
    expect(JSON.stringify(task)).toContain('BROKER_NOT_DURABLE');
    expect((await fleet.sessions())[0]?.steps.get('a')?.intent).toBeUndefined();
  });

  test('on a broker that keeps what it is given they run', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'shoal-durable-'));
    closing.push(() => rm(folder, { recursive: true, force: true }));
    const fleet = await open(folder);
    const supervisor = await fleet.supervise(once, [work], { nonIdempotent: 'refuse' });
    expect(supervisor.stats().durability).toBe('durable');
    expect((await fleet.ask()).metadata).not.toHaveProperty('flags');
  });

  test.skipIf(BROKERS[1] === undefined)(
    'Mosquitto is unproven until a canary of an earlier start is found on it',
    async () => {
      const broker = await BROKERS[1]![1]();
      closing.push(() => broker.stop());
      const fleet = await FleetBench.open(broker.url);
      closing.push(() => fleet.close());
      const first = await fleet.supervise(once, [work]);
      expect(first.stats().durability).toBe('unproven');
      await first.stop();
      const canary = {
        schemaVersion: 1,
        state: 'unproven',
        bootId: 'up:1000',
        refuse: false,
        supervisorId: 's',
        at: '2026-01-01T00:00:00Z',
      };
      const topic = canaryTopic({ org: 'o', unit: fleet.unit });
      await fleet.link.publish(topic, JSON.stringify(canary), { retain: true, qos: 1 });
      expect((await fleet.supervise(once, [work])).stats().durability).toBe('durable');
    },
  );
});
