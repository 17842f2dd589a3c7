import { TaskState } from '@a2a-js/sdk';
import type { StreamResponse, Task } from '@a2a-js/sdk';
import { isTaskId } from '@shoal/protocol';
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { isMqttTransportError } from '../src/index.ts';
import { BROKERS, Setting, request } from './setting.ts';

async function collect(stream: AsyncIterable<StreamResponse>): Promise<StreamResponse[]> {
  const items: StreamResponse[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

for (const { name, skip, start } of BROKERS) {
  describe.skipIf(skip)(`the official client over MQTT, on ${name}`, () => {
    let broker: Awaited<ReturnType<typeof start>>;
    let setting: Setting;

    beforeAll(async () => {
      broker = await start();
    });
    afterAll(() => broker.stop());
    beforeEach(async () => {
      setting = new Setting(broker.url);
      await setting.serve();
    });
    afterEach(() => setting.end());

    it('finds the agent by its retained card and sends a message; the id of the task is made here', async () => {
      const client = await setting.client();
      expect(client.transport.protocolName).toBe('urn:shoal:a2a-over-mqtt:0.1');
      const task = (await client.sendMessage(request('echo'))) as Task;
      expect(isTaskId(task.id)).toBe(true);
      expect(task.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
      expect(task.artifacts[0]?.parts[0]?.content).toEqual({ $case: 'text', value: 'echo 0' });
      expect(task.history).not.toEqual([]);
    });

    it('streams in order, and the stream begins with the task', async () => {
      const client = await setting.client();
      const items = await collect(client.sendMessageStream(request('artifacts')));
      expect(items[0]?.payload?.$case).toBe('task');
      const updates = items.flatMap(({ payload }) =>
        payload?.$case === 'artifactUpdate' ? [payload.value.artifact?.parts[0]?.content?.value] : [],
      );
      expect(updates).toEqual(Array.from({ length: 50 }, (_, i) => `artifacts ${i}`));
      const last = items.at(-1)?.payload;
      expect(last?.$case === 'statusUpdate' && last.value.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
    });

    it('gets, lists, cancels and subscribes', async () => {
      const client = await setting.client();
      const running = client.sendMessageStream(request('hold'));
      const first = (await running.next()).value as StreamResponse;
      const id = first.payload?.$case === 'task' ? first.payload.value.id : '';
      await expect(client.getTask({ tenant: '', id })).resolves.toMatchObject({ id });
      const { tasks } = await client.listTasks({
        tenant: '',
        contextId: '',
        pageToken: '',
        status: TaskState.TASK_STATE_UNSPECIFIED,
        statusTimestampAfter: undefined,
      });
      expect(tasks.map((task) => task.id)).toEqual([id]);
      const watching = client.resubscribeTask({ tenant: '', id });
      expect((await watching.next()).value?.payload?.$case).toBe('task');
      const canceled = await client.cancelTask({ tenant: '', id, metadata: undefined });
      expect(canceled.status?.state).toBe(TaskState.TASK_STATE_CANCELED);
      const rest = await collect(watching);
      const last = rest.at(-1)?.payload;
      expect(last?.$case === 'statusUpdate' && last.value.status?.state).toBe(TaskState.TASK_STATE_CANCELED);
    });

    it('throws the error classes of the SDK for the errors of A2A', async () => {
      const client = await setting.client();
      await expect(client.getTask({ tenant: '', id: randomUUID() })).rejects.toMatchObject({
        name: expect.stringContaining('TaskNotFound') as string,
      });
      const done = (await client.sendMessage(request('echo'))) as Task;
      await expect(client.cancelTask({ tenant: '', id: done.id, metadata: undefined })).rejects.toMatchObject(
        {
          name: expect.stringContaining('TaskNotCancelable') as string,
        },
      );
    });

    it('does not take a busy responder for an operation that is not supported, though both are -32004', async () => {
      const busy = new Setting(broker.url);
      await busy.serve({ maxRunning: 1 });
      const client = await busy.client();
      const running = client.sendMessageStream(request('hold'));
      const first = (await running.next()).value as StreamResponse;
      const failed = await client.sendMessage(request('echo')).catch((error: unknown) => error);
      expect(isMqttTransportError(failed, 'responder-unavailable')).toBe(true);
      expect(failed).toMatchObject({ retryable: true });
      busy.executor.release(first.payload?.$case === 'task' ? first.payload.value.id : '');
      await busy.end();
    });

    it('tells that nobody is there', async () => {
      const client = await setting.client();
      await setting.stopServing();
      const failed = await client.sendMessage(request('echo')).catch((error: unknown) => error);
      expect(isMqttTransportError(failed, 'no-responder')).toBe(true);
    });

    it('leaving a stream forgets it here, and the task goes on', async () => {
      const client = await setting.client();
      let id = '';
      for await (const item of client.sendMessageStream(request('hold'))) {
        id = item.payload?.$case === 'task' ? item.payload.value.id : '';
        break;
      }
      setting.executor.release(id);
      await vi.waitFor(
        async () =>
          expect((await client.getTask({ tenant: '', id })).status?.state).toBe(
            TaskState.TASK_STATE_COMPLETED,
          ),
        15_000,
      );
    });

    it('an AbortSignal rejects with its own reason', async () => {
      const client = await setting.client();
      const abort = new AbortController();
      const reason = new Error('enough');
      const sent = client.sendMessage(request('hold'), { signal: abort.signal });
      abort.abort(reason);
      await expect(sent).rejects.toBe(reason);
    });

    it('service parameters travel as user properties', async () => {
      const client = await setting.client();
      const wire = await setting.wire();
      const seen = new Promise<unknown>((resolve) => {
        void wire.link.subscribe(`$a2a/v1/request/o/${setting.unit}/agent`, ({ userProperties }) =>
          resolve(userProperties),
        );
      });
      await client.sendMessage(request('echo'), {
        serviceParameters: { 'A2A-Extensions': 'urn:test:extension', trace: 'x' },
      });
      await expect(seen).resolves.toEqual({
        'a2a-version': '1.0',
        'a2a-extensions': 'urn:test:extension',
        'a2a-trace': 'x',
      });
    });

    it('an agent that throws is a FAILED task with its words', async () => {
      vi.spyOn(console, 'error').mockImplementation(() => undefined);
      const client = await setting.client();
      const task = (await client.sendMessage(request('throw'))) as Task;
      expect(task.status?.state).toBe(TaskState.TASK_STATE_FAILED);
      expect(JSON.stringify(task.status)).toContain('as told');
    });
  });
}
