import { defineBlueprint, sessionControl, StepError } from '@shoal/workflow';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BROKERS, FleetBench, type TestBroker } from './fleet-bench.ts';

/** Plan, outcome, one caller; of each step its claim, status and result. */
const bound = (steps: number, more = 0): number => 3 + 3 * steps + more;
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
