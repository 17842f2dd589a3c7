import { startFaultProxy } from '@shoal/mqtt-link/testing';
import { defineBlueprint } from '@shoal/workflow';
import { graphYaml } from '@shoal/workflow/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inProcessSpawner, type Spawner } from '../src/index.ts';
import { BROKERS, FleetBench, type TestBroker } from './fleet-bench.ts';

/** mulberry32: a run is repeated by its seed. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const FROM = Number(process.env['SHOAL_FAULT_SEED'] ?? 1);
const SEEDS = Array.from({ length: Number(process.env['SHOAL_FAULT_RUNS'] ?? 3) }, (_, i) => FROM + i);
const retry = 'retry: { maxAttempts: 12, backoffSeconds: 0.02, maxBackoffSeconds: 0.1 }';
const yaml = graphYaml(
  { a: [], act: ['a'], b: ['a'], each: ['a'], d: ['act', 'b', 'each'] },
  {
    a: retry,
    b: retry,
    d: retry,
    act: `idempotent: false, onFailure: continue, ${retry}`,
    each: `forEach: { in: "[0, 1, 2, 3]", concurrency: 2, waves: [1] }, ${retry}`,
  },
);

/**
 * Two supervisors, hosts that die in mid-work, connections that are cut, in an order that the seed decides. Repeat one run with
 * SHOAL_FAULT_SEED=n SHOAL_FAULT_RUNS=1.
 */
describe.each(BROKERS)('random faults on %s', { timeout: 60_000 }, (_, start) => {
  let broker: TestBroker;

  beforeAll(async () => void (broker = await start()));
  afterAll(() => broker.stop());

  test.each(SEEDS)(
    'seed %i: every session ends as the undisturbed one, each step has one result, nothing acts twice',
    async (seed) => {
      const random = seeded(seed);
      const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(broker.url).port) });
      const fleet = await FleetBench.open(broker.url);
      const acted = new Map<string, number>();
      const writes = new Map<string, number>();
      const mortal = new Set<Spawner>();
      await fleet.link.subscribe(`shoal/v1/o/${fleet.unit}/session/#`, ({ topic, payload }) => {
        if (payload.length === 0 || !/\/(result|outcome)$/.test(topic)) return;
        const key = `${topic} ${Buffer.from(payload).toString()}`;
        writes.set(key, (writes.get(key) ?? 0) + 1);
      });
      const work = defineBlueprint({
        id: 'work',
        description: 'Works for a moment.',
        run: async ({ stepId, sessionId, results, signal }) => {
          await new Promise((resolve) => setTimeout(resolve, 5 + random() * 40));
          signal.throwIfAborted();
          const key = `${sessionId}/${stepId}`;
          if (stepId === 'act') acted.set(key, (acted.get(key) ?? 0) + 1);
          return { output: stepId === 'd' ? ['d', results['b'] as string].join('<') : stepId };
        },
      });
      const spawnerOf = (): Spawner => ({
        running: 0,
        capacity: 1_000,
        stop: () => Promise.resolve(),
        spawn: (order, hooks) => {
          const host = inProcessSpawner({
            url: proxy.url,
            blueprints: [work],
            abortGraceMs: 50,
            keepAliveSeconds: 2,
          });
          mortal.add(host);
          return host.spawn(order, {
            onExit: (clean) => {
              mortal.delete(host);
              hooks?.onExit?.(clean);
              setImmediate(() => void host.stop());
            },
          });
        },
      });
      try {
        for (let i = 0; i < 2; i += 1)
          await fleet.supervise(yaml, [], { spawner: spawnerOf(), url: proxy.url, random });
        const over = new AbortController();
        const answers = Promise.all(Array.from({ length: 4 }, () => fleet.ask({}, undefined, 2_000))).finally(
          () => over.abort(),
        );
        for (let fault = 0; fault < 6 && !over.signal.aborted; fault += 1) {
          await new Promise((resolve) => setTimeout(resolve, 20 + random() * 80));
          if (random() < 0.35) proxy.cut();
          else for (const host of mortal) if (random() < 0.4) void host.stop();
        }
        for (const task of await answers) {
          const view = await fleet.view(task.id);
          expect(view.outcome?.task).toEqual(task);
          expect(task.status.state).toBe('TASK_STATE_COMPLETED');
          expect(task.artifacts?.[0]?.parts).toEqual([{ data: 'd<b' }]);
          expect(['completed', 'unknown']).toContain(view.steps.get('act')?.result?.state);
          expect(view.steps.get('each')?.result?.output).toMatchObject({ total: 4, completed: 4 });
        }
        // Of each result and outcome there was only ever one content: who wrote it twice wrote the same.
        const topics = [...writes.keys()].map((key) => key.split(' ', 1)[0]);
        expect(topics).toHaveLength(new Set(topics).size);
        for (const [step, times] of acted) expect(`${step} ${times}`).toBe(`${step} 1`);
      } finally {
        await fleet.close();
        for (const host of mortal) await host.stop();
        await proxy.stop();
      }
    },
  );
});
