import { TaskState } from '@a2a-js/sdk';
import type { WireReply } from '@shoal/agent-sdk/testing';
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { BROKERS, CARD, Setting, said } from './setting.ts';

const isLast = ({ result, error }: WireReply): boolean =>
  error !== undefined ||
  [result.statusUpdate?.status.state, result.task?.status.state].some(
    (state) => state !== undefined && !/SUBMITTED|WORKING/.test(state),
  );

for (const { name, skip, start } of BROKERS) {
  describe.skipIf(skip)(`what the SDK's handler would do wrong over MQTT, on ${name}`, () => {
    let broker: Awaited<ReturnType<typeof start>>;
    let setting: Setting;

    beforeAll(async () => {
      broker = await start();
    });
    afterAll(() => broker.stop());
    beforeEach(() => {
      setting = new Setting(broker.url);
    });
    afterEach(() => setting.end());

    it('trap 1: text that is no JSON is -32700, an envelope that is none is -32600', async () => {
      await setting.serve();
      const wire = await setting.wire();
      expect((await wire.request(setting.agent, { payload: '{nope' }).next()).error.code).toBe(-32700);
      for (const payload of [
        '[1]',
        '"x"',
        '{"jsonrpc":"1.0","id":1,"method":"GetTask"}',
        '{"jsonrpc":"2.0","id":1}',
      ])
        expect((await wire.request(setting.agent, { payload }).next()).error.code).toBe(-32600);
      expect((await wire.request(setting.agent, { method: 'Nope', params: {} }).next()).error.code).toBe(
        -32601,
      );
    });

    it('trap 2: parameters are checked before the agent runs; a message without parts is no FAILED task', async () => {
      await setting.serve();
      const wire = await setting.wire();
      const params = said('echo');
      const { error } = await wire
        .request(setting.agent, {
          method: 'SendMessage',
          params: { message: { ...params.message, parts: [] } },
        })
        .next();
      expect(error.code).toBe(-32602);
      expect(JSON.stringify(error.data)).toContain('parts');
      expect(setting.executor.runs).toEqual([]);
      expect(await setting.stored(params.message.taskId)).toBeUndefined();
    });

    it('trap 3: a stream that cannot begin is answered with an error that has the id of its request', async () => {
      await setting.serve({ card: { ...CARD, capabilities: { extensions: [], streaming: false } } });
      const wire = await setting.wire();
      const reply = await wire
        .request(setting.agent, { method: 'SendStreamingMessage', params: said('echo'), id: 'mine' })
        .next();
      expect(reply.id).toBe('mine');
      expect(reply.error).toMatchObject({ code: -32004, data: [{ reason: 'UNSUPPORTED_OPERATION' }] });
      const unknown = await wire
        .request(setting.agent, { method: 'SubscribeToTask', params: { id: randomUUID() } })
        .next();
      expect(unknown.error).toBeDefined();
    });

    it('trap 4: the patch number of the version does not matter, another version is -32009', async () => {
      await setting.serve();
      const wire = await setting.wire();
      const ask = async (version: string): Promise<WireReply> =>
        wire
          .request(setting.agent, {
            method: 'SendMessage',
            params: said('echo'),
            userProperties: { 'a2a-version': version },
          })
          .next();
      expect((await ask('1.0.0')).result.task?.status.state).toBe('TASK_STATE_COMPLETED');
      expect((await ask('1.0')).result.task?.status.state).toBe('TASK_STATE_COMPLETED');
      expect((await ask('9.9')).error.code).toBe(-32009);
    });

    it('trap 5: the extensions that the agent activated are told on its replies', async () => {
      await setting.serve();
      const wire = await setting.wire();
      const userProperties = { 'a2a-extensions': 'urn:test:extension, urn:unknown' };
      const unary = await wire
        .request(setting.agent, { method: 'SendMessage', params: said('extension'), userProperties })
        .next();
      expect(unary.message.userProperties['a2a-extensions']).toBe('urn:test:extension');
      const items = await wire
        .request(setting.agent, { method: 'SendStreamingMessage', params: said('extension'), userProperties })
        .until(isLast);
      expect(items.at(-1)?.message.userProperties['a2a-extensions']).toBe('urn:test:extension');
      const without = await wire
        .request(setting.agent, { method: 'SendMessage', params: said('echo') })
        .next();
      expect(without.message.userProperties['a2a-extensions']).toBeUndefined();
    });

    it('trap 6: AUTH_REQUIRED ends the stream of its correlation, and the task goes on to its end', async () => {
      await setting.serve();
      const wire = await setting.wire();
      const params = said('auth');
      const { taskId } = params.message;
      const exchange = wire.request(setting.agent, { method: 'SendStreamingMessage', params });
      const items = await exchange.until(isLast);
      expect(items.at(-1)?.result.statusUpdate?.status.state).toBe('TASK_STATE_AUTH_REQUIRED');
      const progress = wire.request(setting.agent, { method: 'SubscribeToTask', params: { id: taskId } });
      expect((await progress.next()).result.task?.status.state).toBe('TASK_STATE_AUTH_REQUIRED');
      setting.executor.release(taskId);
      await progress.until(({ result }) => result.statusUpdate?.status.state === 'TASK_STATE_COMPLETED');
      expect(exchange.replies).toHaveLength(items.length);
      await vi.waitFor(
        async () =>
          expect((await setting.stored(taskId))?.status?.state).toBe(TaskState.TASK_STATE_COMPLETED),
        15_000,
      );
    });

    it('trap 7: a tenant in the parameters is no internal error', async () => {
      await setting.serve();
      const wire = await setting.wire();
      const params = { ...said('echo'), tenant: 'acme' };
      const { result } = await wire.request(setting.agent, { method: 'SendMessage', params }).next();
      expect(result.task?.status.state).toBe('TASK_STATE_COMPLETED');
      const { taskId } = params.message;
      const kept = await wire
        .request(setting.agent, { method: 'GetTask', params: { id: taskId, tenant: 'acme' } })
        .next();
      expect(kept.result).toMatchObject({ id: taskId });
    });

    it('trap 8: the task is stored to its end when the requester of its stream is gone', async () => {
      await setting.serve();
      const params = said('hold');
      const { taskId } = params.message;
      const gone = await setting.wire();
      await gone.request(setting.agent, { method: 'SendStreamingMessage', params }).next();
      await gone.close();
      setting.executor.release(taskId);
      const wire = await setting.wire();
      await vi.waitFor(async () => {
        const { result } = await wire
          .request(setting.agent, { method: 'GetTask', params: { id: taskId } })
          .next();
        expect(result).toMatchObject({
          status: { state: 'TASK_STATE_COMPLETED' },
          artifacts: [{ artifactId: 'out' }],
        });
      }, 15_000);
    });
  });

  describe.skipIf(skip)(`ids that the requester chooses, on ${name}`, () => {
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

    it('RR9: a new task has the id of its request, and the agent sees a new task', async () => {
      const wire = await setting.wire();
      const params = said('echo');
      const { result } = await wire.request(setting.agent, { method: 'SendMessage', params }).next();
      expect(result.task).toMatchObject({
        id: params.message.taskId,
        status: { state: 'TASK_STATE_COMPLETED' },
      });
      expect(setting.executor.runs).toEqual([
        { text: 'echo', hasTask: false, taskId: params.message.taskId },
      ]);
    });

    it('RS6 RS7: an id that is missing or no UUID of version 4 is -32005', async () => {
      const wire = await setting.wire();
      const { message } = said('echo');
      for (const taskId of [undefined, 'not-a-uuid', '6ba7b810-9dad-11d1-80b4-00c04fd430c8']) {
        const params = { message: { ...message, taskId } };
        const { error } = await wire.request(setting.agent, { method: 'SendMessage', params }).next();
        expect(error).toMatchObject({ code: -32005, data: { a2a_error: 'transport_protocol_error' } });
      }
    });

    it('an answer without a task leaves no task behind, and a retry gets the same answer', async () => {
      const wire = await setting.wire();
      const params = said('message');
      const first = await wire.request(setting.agent, { method: 'SendMessage', params }).next();
      expect(first.result.message?.parts).toEqual([{ text: 'no task' }]);
      expect(await setting.stored(params.message.taskId)).toBeUndefined();
      const retry = await wire.request(setting.agent, { method: 'SendMessage', params }).next();
      expect(retry.result.message).toEqual(first.result.message);
      expect(setting.executor.runs).toHaveLength(1);
      const { error } = await wire
        .request(setting.agent, { method: 'GetTask', params: { id: params.message.taskId } })
        .next();
      expect(error.code).toBe(-32001);
    });

    it('V46 RT5: the same message after completion runs once, and is answered with the task as it is', async () => {
      const wire = await setting.wire();
      const params = said('echo');
      const first = await wire.request(setting.agent, { method: 'SendMessage', params }).next();
      const retry = await wire.request(setting.agent, { method: 'SendMessage', params }).next();
      expect(retry.result.task).toEqual(first.result.task);
      const streamed = await wire.request(setting.agent, { method: 'SendStreamingMessage', params }).next();
      expect(streamed.result.task?.artifacts).toEqual(first.result.task?.artifacts);
      expect(setting.executor.runs).toHaveLength(1);
    });

    it('V47: a retry while it runs begins with the task and hears the rest; so does the first', async () => {
      const wire = await setting.wire();
      const params = said('hold');
      const first = wire.request(setting.agent, { method: 'SendStreamingMessage', params });
      await first.next();
      const second = wire.request(setting.agent, { method: 'SendStreamingMessage', params });
      expect((await second.next()).result.task).toMatchObject({ id: params.message.taskId });
      setting.executor.release(params.message.taskId);
      const ends = await Promise.all([first.until(isLast), second.until(isLast)]);
      for (const items of ends)
        expect(items.at(-1)?.result.statusUpdate?.status.state).toBe('TASK_STATE_COMPLETED');
      expect(setting.executor.runs).toHaveLength(1);
    });

    it('V48: another message to a task that has ended is -32004, and one to a task at work too', async () => {
      const wire = await setting.wire();
      const done = said('echo');
      await wire.request(setting.agent, { method: 'SendMessage', params: done }).next();
      const again = said('echo', { taskId: done.message.taskId });
      const { error } = await wire.request(setting.agent, { method: 'SendMessage', params: again }).next();
      expect(error).toMatchObject({ code: -32004, data: [{ reason: 'UNSUPPORTED_OPERATION' }] });
      const busy = said('hold');
      await wire.request(setting.agent, { method: 'SendStreamingMessage', params: busy }).next();
      const meanwhile = said('echo', { taskId: busy.message.taskId });
      const refused = await wire.request(setting.agent, { method: 'SendMessage', params: meanwhile }).next();
      expect(refused.error).toMatchObject({ code: -32004, data: [{ reason: 'UNSUPPORTED_OPERATION' }] });
      setting.executor.release(busy.message.taskId);
    });

    it('C5 C6: another context is -32602, also when the task has ended', async () => {
      const wire = await setting.wire();
      const params = said('echo', { contextId: 'mine' });
      await wire.request(setting.agent, { method: 'SendMessage', params }).next();
      const other = said('echo', { taskId: params.message.taskId, contextId: 'other' });
      const { error } = await wire.request(setting.agent, { method: 'SendMessage', params: other }).next();
      expect(error.code).toBe(-32602);
    });

    it('V56: INPUT_REQUIRED ends its correlation, and the answer with the same ids goes on', async () => {
      const wire = await setting.wire();
      const ask = said('ask');
      const items = await wire
        .request(setting.agent, { method: 'SendStreamingMessage', params: ask })
        .until(isLast);
      expect(items.at(-1)?.result.statusUpdate?.status.state).toBe('TASK_STATE_INPUT_REQUIRED');
      const answer = said('echo', { taskId: ask.message.taskId });
      const { result } = await wire.request(setting.agent, { method: 'SendMessage', params: answer }).next();
      expect(result.task).toMatchObject({
        id: ask.message.taskId,
        status: { state: 'TASK_STATE_COMPLETED' },
      });
      expect(setting.executor.runs.map(({ hasTask }) => hasTask)).toEqual([false, true]);
    });

    it('V17: Correlation Data are bytes', async () => {
      const wire = await setting.wire();
      const correlation = Buffer.from([0xff, 0xfe, 0x00, 0x80]);
      const { message } = await wire
        .request(setting.agent, { method: 'SendMessage', params: said('echo'), correlation })
        .next();
      expect(Buffer.from(message.correlationData ?? [])).toEqual(correlation);
    });
  });
}
