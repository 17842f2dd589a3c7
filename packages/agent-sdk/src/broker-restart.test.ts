import { mosquittoPath, startMosquitto } from '@shoal/mqtt-link/testing';
import type { Task } from '@shoal/protocol';
import { agentTopics, discoveryTopic } from '@shoal/protocol';
import { describe, expect, it } from 'vitest';
import { retainedTaskStore } from './io/retained-task-store.ts';
import { ContractSetting } from './testing/index.ts';

const missing = mosquittoPath() === undefined;
const reconnect = { minDelayMs: 20, maxDelayMs: 200 };

describe.skipIf(missing)(
  `a broker that restarts and has forgotten everything${missing ? ' (no Mosquitto)' : ''}`,
  () => {
    it('gets cards and tasks back from the agents, which answer and call as before', async () => {
      const broker = await startMosquitto();
      const setting = new ContractSetting(broker.url);
      try {
        const keeper = await setting.agent({ tasks: retainedTaskStore(), reconnect });
        const caller = await setting.agent({ reconnect });
        const first = (await caller.agent.requester.send(keeper.address, { text: 'once' })) as Task;
        const back = [keeper, caller].map(
          ({ agent }) => new Promise<void>((resolve) => agent.link.on('online', () => resolve())),
        );
        await broker.restart();
        await Promise.all(back);

        const client = await setting.client();
        const seen = new Map<string, string>();
        const wanted = [discoveryTopic(keeper.address), agentTopics(keeper.address).task(first.id)];
        for (const topic of wanted)
          await client.link.subscribe(topic, (message) => void seen.set(topic, message.text()));
        await expect.poll(() => [...seen.keys()].sort(), { timeout: 8_000 }).toEqual(wanted.toSorted());
        expect(JSON.parse(seen.get(wanted[1] as string) ?? '')).toMatchObject({
          task: { status: first.status },
        });

        expect((await caller.agent.requester.getTask(keeper.address, { id: first.id })).status).toEqual(
          first.status,
        );
        const again = (await caller.agent.requester.send(keeper.address, 'more')) as Task;
        expect(again.status.state).toBe('TASK_STATE_COMPLETED');
        expect(keeper.runs).toHaveLength(2);
      } finally {
        await setting.end();
        await broker.stop();
      }
    });
  },
);
