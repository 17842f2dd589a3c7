import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { nextEvent, startFaultProxy } from '@shoal/mqtt-link/testing';
import { isStreamEnd } from '../core/stream.ts';
import type { ContractCase } from './contract-case.ts';
import { taskOf } from './fake-responder.ts';
import { setUpRequester, settled, updateOf } from './requester-setting.ts';

export const streamCases: readonly ContractCase[] = [
  {
    id: 'V51',
    title:
      'a stream whose connection was away is looked after when it is back, and goes on if nobody answers',
    async run(setting) {
      const { hostname: host, port } = new URL(setting.url);
      const proxy = await startFaultProxy({ host, port: Number(port) });
      setting.onEnd(() => proxy.stop());
      const { requester, responder, clock, link } = await setUpRequester(
        setting,
        { retry: { maxAttempts: 1 } },
        { url: proxy.url, reconnect: { minDelayMs: 10, maxDelayMs: 50 } },
      );
      const stream = requester.stream(responder.address, 'x')[Symbol.asyncIterator]();
      const first = await responder.next();
      await responder.replyTask(first, 'TASK_STATE_WORKING');
      ok((await stream.next()).value?.task !== undefined);
      const loseConnection = async (): Promise<void> => {
        // Acknowledged after all that was sent before it, which is not sent again then.
        await link.publish('contract/marker', '');
        const back = nextEvent(link, 'online');
        proxy.cut();
        await back;
        await settled(() => clock.dueInMs()[0] === 1_000);
        clock.advance(1_000);
      };
      await loseConnection();
      equal((await responder.next()).method, 'GetTask');
      // Nobody answers: neither that nor the stream has failed.
      clock.advance(15_000);
      await loseConnection();
      const second = await responder.next();
      await responder.reply(second, { result: taskOf(second, 'TASK_STATE_COMPLETED') });
      equal((await stream.next()).value?.task?.status.state, 'TASK_STATE_COMPLETED');
      equal((await stream.next()).done, true);
      equal(responder.requests.filter(({ method }) => method === 'SendStreamingMessage').length, 1);
    },
  },
  {
    id: 'V51',
    title: 'a stream that falls silent for 30 s is looked after with GetTask, and not sent again',
    async run(setting) {
      const { requester, responder, clock } = await setUpRequester(setting);
      const stream = requester.stream(responder.address, 'x')[Symbol.asyncIterator]();
      const first = await responder.next();
      await responder.replyTask(first, 'TASK_STATE_WORKING');
      ok((await stream.next()).value?.task !== undefined);
      deepEqual(clock.dueInMs(), [30_000]);
      clock.advance(30_000);
      const probe = await responder.next();
      equal(probe.method, 'GetTask');
      equal(probe.params.id, first.params.message.taskId);
      await responder.reply(probe, { result: taskOf(probe, 'TASK_STATE_WORKING') });
      await settled(() => clock.dueInMs()[0] === 30_000);
      clock.advance(30_000);
      const second = await responder.next();
      await responder.reply(second, { result: taskOf(second, 'TASK_STATE_COMPLETED') });
      equal((await stream.next()).value?.task?.status.state, 'TASK_STATE_COMPLETED');
      equal((await stream.next()).done, true);
      equal(responder.requests.filter(({ method }) => method === 'SendStreamingMessage').length, 1);
    },
  },
  {
    id: 'V51',
    title: 'a stream whose responder does not answer GetTask either fails as stream-idle',
    async run(setting) {
      const { requester, responder, clock } = await setUpRequester(setting, { retry: { maxAttempts: 1 } });
      const stream = requester.stream(responder.address, 'x')[Symbol.asyncIterator]();
      await responder.replyTask(await responder.next(), 'TASK_STATE_WORKING');
      await stream.next();
      clock.advance(30_000);
      await responder.next();
      clock.advance(15_000);
      await rejects(stream.next(), { code: 'stream-idle' });
    },
  },
  {
    id: 'V52',
    title: 'a repeated stream item is passed on once, and so is the result of a repeated reply',
    async run(setting) {
      const { requester, responder } = await setUpRequester(setting);
      const items: unknown[] = [];
      const done = (async () => {
        for await (const item of requester.stream(responder.address, 'x')) items.push(item);
      })();
      const request = await responder.next();
      const send = (seq: string, result: unknown) =>
        responder.reply(request, { result }, { 'a2a-stream-seq': seq });
      const status = (state: string) => ({
        statusUpdate: { ...updateOf(request.params.message.taskId), status: { state } },
      });
      await send('0', { task: taskOf(request, 'TASK_STATE_SUBMITTED') });
      await send('1', status('TASK_STATE_WORKING'));
      await send('1', status('TASK_STATE_WORKING'));
      await send('2', status('TASK_STATE_COMPLETED'));
      await send('2', status('TASK_STATE_COMPLETED'));
      await done;
      equal(items.length, 3);
    },
  },
  {
    id: 'V55',
    title: 'each terminal and interrupted state ends a stream; what follows is ignored',
    async run(setting) {
      const { requester, responder, problems } = await setUpRequester(setting);
      for (const state of [
        'FAILED',
        'CANCELED',
        'REJECTED',
        'COMPLETED',
        'INPUT_REQUIRED',
        'AUTH_REQUIRED',
      ]) {
        const stream = requester.stream(responder.address, 'x')[Symbol.asyncIterator]();
        const request = await responder.next();
        await responder.replyTask(request, 'TASK_STATE_SUBMITTED');
        const status = { state: `TASK_STATE_${state}` };
        await responder.reply(request, {
          result: { statusUpdate: { ...updateOf(request.params.message.taskId), status } },
        });
        await responder.replyTask(request, 'TASK_STATE_WORKING');
        ok(!isStreamEnd((await stream.next()).value as never));
        ok(isStreamEnd((await stream.next()).value as never));
        equal((await stream.next()).done, true);
      }
      deepEqual(problems, [], 'a late reply is not an unknown one');
    },
  },
  {
    id: 'V57',
    title: 'a stream of one message has one item',
    async run(setting) {
      const { requester, responder } = await setUpRequester(setting);
      const stream = requester.stream(responder.address, 'x')[Symbol.asyncIterator]();
      const request = await responder.next();
      await responder.reply(request, {
        result: { message: { messageId: 'm', role: 'ROLE_AGENT', parts: [{ text: 'hi' }] } },
      });
      equal((await stream.next()).value?.message?.messageId, 'm');
      equal((await stream.next()).done, true);
    },
  },
  {
    id: 'back-pressure',
    title: 'a reader that falls behind misses items and gets the task in their place, then what follows',
    async run(setting) {
      const { requester, responder } = await setUpRequester(setting);
      const stream = requester.stream(responder.address, 'x', { maxBufferedItems: 2 });
      const items = stream[Symbol.asyncIterator]();
      const first = items.next();
      const request = await responder.next();
      const { taskId } = request.params.message;
      const say = (seq: number, state: string, text: string) => {
        const message = { messageId: text, role: 'ROLE_AGENT', parts: [{ text }] };
        const result = { statusUpdate: { ...updateOf(taskId), status: { state, message } } };
        return responder.reply(request, { result }, { 'a2a-stream-seq': `${seq}` });
      };
      for (let n = 0; n < 6; n += 1) await say(n, 'TASK_STATE_WORKING', `${n}`);
      equal((await first).value?.statusUpdate?.status.message?.messageId, '0');
      await settled(() => stream.skipped === 3);
      const heard = [await items.next(), await items.next()];
      const probe = await responder.next();
      equal(probe.method, 'GetTask');
      await responder.reply(probe, { result: taskOf(probe, 'TASK_STATE_WORKING') });
      heard.push(await items.next());
      await say(6, 'TASK_STATE_WORKING', '6');
      await say(7, 'TASK_STATE_COMPLETED', '7');
      for (let next = await items.next(); next.done !== true; next = await items.next()) heard.push(next);
      const shown = heard.map(({ value }) => value?.statusUpdate?.status.message?.messageId ?? 'task');
      deepEqual(shown, ['1', '2', 'task', '6', '7']);
    },
  },
  {
    id: 'back-pressure',
    title: 'the end of a task reaches a reader that was behind when it came',
    async run(setting) {
      const { requester, responder } = await setUpRequester(setting);
      const stream = requester.stream(responder.address, 'x', { maxBufferedItems: 1 });
      const items = stream[Symbol.asyncIterator]();
      const first = items.next();
      const request = await responder.next();
      const seq = (n: number) => ({ 'a2a-stream-seq': `${n}` });
      await responder.replyTask(request, 'TASK_STATE_WORKING', seq(0));
      await responder.replyTask(request, 'TASK_STATE_WORKING', seq(1));
      await responder.replyTask(request, 'TASK_STATE_COMPLETED', seq(2));
      await first;
      await settled(() => stream.skipped === 1);
      equal((await items.next()).value?.task?.status.state, 'TASK_STATE_WORKING');
      const probe = await responder.next();
      await responder.reply(probe, { result: taskOf(probe, 'TASK_STATE_COMPLETED') });
      equal((await items.next()).value?.task?.status.state, 'TASK_STATE_COMPLETED');
      equal((await items.next()).done, true);
    },
  },
];
