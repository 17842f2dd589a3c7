import { once } from 'node:events';
import { mosquittoPath, startMosquitto } from '@shoal/mqtt-link/testing';
import { defineBlueprint } from '@shoal/workflow';
import { graphYaml } from '@shoal/workflow/testing';
import { describe, expect, test } from 'vitest';
import { FleetBench } from './fleet-bench.ts';

/** Mosquitto without persistence forgets everything when it is killed: the worst broker to restart (skipped where it is missing). */
describe.skipIf(mosquittoPath() === undefined)(
  'rule 17: a broker that restarts and has lost everything',
  () => {
    test(
      'running sessions are carried over by whoever holds them, and end as if nothing had happened',
      { timeout: 30_000 },
      async () => {
        const broker = await startMosquitto();
        const fleet = await FleetBench.open(broker.url);
        const events = new EventTarget();
        const calls: string[] = [];
        let open: () => void = () => undefined;
        const opened = new Promise<void>((resolve) => (open = resolve));
        const work = defineBlueprint({
          id: 'work',
          description: 'Waits for the test.',
          run: async ({ stepId, results }) => {
            calls.push(stepId);
            events.dispatchEvent(new Event('call'));
            if (stepId === 'b') await opened;
            return { output: [stepId, ...Object.values(results).map(String)].join('<') };
          },
        });
        try {
          await fleet.supervise(graphYaml({ a: [], b: ['a'], c: ['b'] }), [work]);
          // The reply may be published before the caller is back; its own retry then finds the outcome.
          const answer = fleet.ask({}, undefined, 1_500);
          while (!calls.includes('b')) await once(events, 'call');
          // Before that its work is so young that it is begun again.
          await fleet.until(async () =>
            (await fleet.sessions()).some(({ steps }) => steps.get('b')?.status?.state === 'running'),
          );
          await broker.restart();
          await fleet.logged(
            ({ message }) =>
              message === 'the broker had lost records' || message === 'the broker had lost a record',
          );
          open();
          const task = await answer;
          expect(task.status.state).toBe('TASK_STATE_COMPLETED');
          expect(task.artifacts?.[0]?.parts).toEqual([{ data: 'c<b<a' }]);
          expect(calls).toEqual(['a', 'b', 'c']);
          expect((await fleet.view(task.id)).steps.get('a')?.result?.output).toBe('a');
        } finally {
          await fleet.close();
          await broker.stop();
        }
      },
    );
  },
);
