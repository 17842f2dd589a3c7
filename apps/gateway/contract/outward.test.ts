import { TaskState } from '@a2a-js/sdk';
import type { StreamResponse, Task } from '@a2a-js/sdk';
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BROKERS, Network, request } from './network.ts';

async function collect(stream: AsyncIterable<StreamResponse>): Promise<StreamResponse[]> {
  const items: StreamResponse[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

const textOf = (task: Task): unknown => task.artifacts[0]?.parts[0]?.content?.value;
const named = (name: string): object => ({ name: expect.stringContaining(name) as string });
const listing = {
  tenant: '',
  contextId: '',
  pageToken: '',
  status: TaskState.TASK_STATE_UNSPECIFIED,
  statusTimestampAfter: undefined,
};

for (const { name, skip, start } of BROKERS) {
  describe.skipIf(skip)(`agents of ${name} on HTTP`, () => {
    let broker: Awaited<ReturnType<typeof start>>;
    let network: Network;

    beforeAll(async () => {
      broker = await start();
    });
    afterAll(() => broker.stop());
    beforeEach(() => {
      network = new Network(broker.url);
    });
    afterEach(() => network.end());

    for (const binding of ['JSONRPC', 'HTTP+JSON'] as const) {
      describe(`the official client over ${binding}`, () => {
        it('sends, and gets the task when it ended', async () => {
          await network.agent();
          const client = await network.client(await network.gateway(), binding);
          const task = (await client.sendMessage(request('hello'))) as Task;
          expect(task.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
          expect(textOf(task)).toBe('you said: hello');
          await expect(client.getTask({ tenant: '', id: task.id })).resolves.toMatchObject({ id: task.id });
        });

        it('streams in order, and the stream begins with the task', async () => {
          await network.agent();
          const client = await network.client(await network.gateway(), binding);
          const items = await collect(client.sendMessageStream(request('count 20')));
          expect(items[0]?.payload?.$case).toBe('task');
          const numbers = items.flatMap(({ payload }) =>
            payload?.$case === 'artifactUpdate' ? [payload.value.artifact?.parts[0]?.content?.value] : [],
          );
          expect(numbers).toEqual(Array.from({ length: 20 }, (_, n) => String(n + 1)));
          const last = items.at(-1)?.payload;
          expect(last?.$case === 'statusUpdate' && last.value.status?.state).toBe(
            TaskState.TASK_STATE_COMPLETED,
          );
        });

        it('goes on with a task that asked for input, and only with one that exists', async () => {
          await network.agent();
          const client = await network.client(await network.gateway(), binding);
          const asked = (await client.sendMessage(request('ask'))) as Task;
          expect(asked.status?.state).toBe(TaskState.TASK_STATE_INPUT_REQUIRED);
          const { id: taskId, contextId } = asked;
          const done = (await client.sendMessage(request('ask pump-02', { taskId, contextId }))) as Task;
          expect(textOf(done)).toBe('you chose pump-02');
          for (const unknown of [randomUUID(), 'no-such-task'])
            await expect(client.sendMessage(request('x', { taskId: unknown }))).rejects.toMatchObject(
              named('TaskNotFound'),
            );
        });

        it('lists, subscribes and cancels, also what another replica began', async () => {
          await network.agent();
          const first = await network.client(await network.gateway(), binding);
          const second = await network.client(await network.gateway(), binding);
          const running = first.sendMessageStream(request('hold'));
          const item = (await running.next()).value as StreamResponse;
          const id = item.payload?.$case === 'task' ? item.payload.value.id : '';
          const { tasks, totalSize } = await second.listTasks(listing);
          expect([tasks.map((task) => task.id), totalSize]).toEqual([[id], 1]);
          const watching = second.resubscribeTask({ tenant: '', id });
          expect((await watching.next()).value?.payload?.$case).toBe('task');
          const canceled = await second.cancelTask({ tenant: '', id, metadata: undefined });
          expect(canceled.status?.state).toBe(TaskState.TASK_STATE_CANCELED);
          for (const stream of [running, watching]) {
            const last = (await collect(stream)).at(-1)?.payload;
            expect(last?.$case === 'statusUpdate' && last.value.status?.state).toBe(
              TaskState.TASK_STATE_CANCELED,
            );
          }
          await expect(
            second.cancelTask({ tenant: '', id: randomUUID(), metadata: undefined }),
          ).rejects.toMatchObject(named('TaskNotFound'));
        });

        it('loses nothing when the gateway dies in the middle of a stream', async () => {
          await network.agent();
          const gateway = await network.gateway();
          const client = await network.client(gateway, binding);
          const running = client.sendMessageStream(request('hold'));
          const item = (await running.next()).value as StreamResponse;
          const id = item.payload?.$case === 'task' ? item.payload.value.id : '';
          await gateway.stop({ graceMs: 0 });
          await expect(collect(running)).rejects.toBeInstanceOf(Error);
          const replica = await network.client(await network.gateway(), binding);
          const watching = replica.resubscribeTask({ tenant: '', id });
          expect((await watching.next()).value?.payload?.$case).toBe('task');
          await replica.cancelTask({ tenant: '', id, metadata: undefined });
          expect((await collect(watching)).length).toBeGreaterThan(0);
        });

        it('declines what the agent does not do, under the names of A2A', async () => {
          await network.agent();
          const client = await network.client(await network.gateway(), binding);
          await expect(client.getTask({ tenant: '', id: randomUUID() })).rejects.toMatchObject(
            named('TaskNotFound'),
          );
          const config = {
            tenant: '',
            id: 'c',
            taskId: randomUUID(),
            url: 'https://example.com/hook',
            token: '',
            authentication: undefined,
          };
          // The client itself looks at the card and asks nobody.
          const version = { serviceParameters: { 'A2A-Version': '1.0' } };
          await expect(
            client.transport.createTaskPushNotificationConfig(config, version),
          ).rejects.toMatchObject(named('PushNotificationNotSupported'));
        });

        it('says of an agent that is not there something that no error of A2A means', async () => {
          const agent = await network.agent();
          const gateway = await network.gateway({
            callOptions: { firstReplyTimeoutMs: 200, maxAttempts: 1 },
          });
          const client = await network.client(gateway, binding);
          await agent.stop({ graceMs: 0 });
          const outcome = await client.sendMessage(request('hello')).catch((error: unknown) => error);
          expect(outcome).toBeInstanceOf(Error);
          expect((outcome as Error).message).toMatch(/cannot be reached|did not answer in time/);
          expect((outcome as Error).name).not.toMatch(/Unsupported|PushNotification|ContentType/);
        });
      });
    }
  });
}
