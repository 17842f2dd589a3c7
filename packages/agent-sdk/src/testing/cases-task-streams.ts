import { deepEqual, equal, ok } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { stateOf } from '../core/stream.ts';
import type { ContractCase } from './contract-case.ts';
import { message, params } from './contract-case.ts';
import type { WireReply } from './wire-client.ts';

const state = (reply: WireReply): string | undefined => stateOf(reply.result);

const ends = (reply: WireReply): boolean =>
  /COMPLETED|FAILED|CANCELED|REJECTED|REQUIRED/.test(state(reply) ?? '');

export const taskStreamCases: readonly ContractCase[] = [
  {
    id: 'V54',
    title: 'a stream is the task, then every update in order, on one correlation',
    async run(setting) {
      const echo = await setting.agent();
      const client = await setting.client();
      const stream = client.request(echo.address, {
        method: 'SendStreamingMessage',
        params: params('chunks'),
      });
      const [task, working, one, two, done, ...rest] = await stream.until(ends);
      ok(task?.result.task !== undefined);
      equal(state(working as WireReply), 'TASK_STATE_WORKING');
      deepEqual([one?.result.artifactUpdate?.append, one?.result.artifactUpdate?.lastChunk], [false, false]);
      deepEqual([two?.result.artifactUpdate?.append, two?.result.artifactUpdate?.lastChunk], [true, true]);
      equal(state(done as WireReply), 'TASK_STATE_COMPLETED');
      equal(rest.length, 0);
    },
  },
  {
    id: 'V54',
    title: 'the order of a thousand items is kept',
    async run(setting) {
      const echo = await setting.agent();
      const client = await setting.client();
      const stream = client.request(echo.address, {
        method: 'SendStreamingMessage',
        params: params('count 1000'),
      });
      const texts = (await stream.until(ends)).flatMap(
        ({ result }) => result.statusUpdate?.status.message?.parts[0]?.text ?? [],
      );
      deepEqual(
        texts,
        Array.from({ length: 1000 }, (_, n) => `${n}`),
      );
    },
  },
  ...[
    { word: 'throw it broke', end: 'TASK_STATE_FAILED', text: 'it broke' },
    { word: 'fail no luck', end: 'TASK_STATE_FAILED', text: 'no luck' },
    { word: 'reject not mine', end: 'TASK_STATE_REJECTED', text: 'not mine' },
  ].map(({ word, end, text }): ContractCase => ({
    id: 'V55',
    title: `"${word}" ends as ${end} with a message, for a stream and for a blocking request`,
    async run(setting) {
      const echo = await setting.agent();
      const client = await setting.client();
      const stream = client.request(echo.address, { method: 'SendStreamingMessage', params: params(word) });
      const last = (await stream.until(ends)).at(-1) as WireReply;
      equal(state(last), end);
      equal(last.result.statusUpdate?.status.message?.parts[0]?.text, text);
      const blocking = await client
        .request(echo.address, { method: 'SendMessage', params: params(word) })
        .next();
      equal(blocking.result.task?.status.state, end);
    },
  })),
  {
    id: 'V56',
    title: 'INPUT_REQUIRED ends its correlation; the answer goes on with the same task on the new one alone',
    async run(setting) {
      const echo = await setting.agent();
      const client = await setting.client();
      const asking = params('ask');
      const one = client.request(echo.address, { method: 'SendStreamingMessage', params: asking });
      equal(state((await one.until(ends)).at(-1) as WireReply), 'TASK_STATE_INPUT_REQUIRED');
      const heard = one.replies.length;
      const { taskId, contextId } = asking.message;
      const answer = {
        message: message('the red one', { taskId: taskId as string, contextId: contextId as string }),
      };
      const two = client.request(echo.address, { method: 'SendStreamingMessage', params: answer });
      equal(state((await two.until(ends)).at(-1) as WireReply), 'TASK_STATE_COMPLETED');
      equal(one.replies.length, heard);
      const { result } = await client
        .request(echo.address, { method: 'GetTask', params: { id: taskId } })
        .next();
      deepEqual(
        result.history?.map(({ role }) => role),
        ['ROLE_USER', 'ROLE_AGENT', 'ROLE_USER'],
      );
    },
  },
  {
    id: 'V56',
    title: 'AUTH_REQUIRED ends its correlation; later progress is reached by SubscribeToTask',
    async run(setting) {
      const echo = await setting.agent();
      const client = await setting.client();
      const sent = params('authorize');
      const one = client.request(echo.address, { method: 'SendStreamingMessage', params: sent });
      equal(state((await one.until(ends)).at(-1) as WireReply), 'TASK_STATE_AUTH_REQUIRED');
      const { taskId } = sent.message;
      const watcher = client.request(echo.address, { method: 'SubscribeToTask', params: { id: taskId } });
      equal((await watcher.next()).result.task?.status.state, 'TASK_STATE_AUTH_REQUIRED');
      const answer = { message: message('me', { taskId: taskId as string }) };
      const { contextId: _, ...bare } = answer.message;
      const two = client.request(echo.address, { method: 'SendStreamingMessage', params: { message: bare } });
      equal(
        state((await two.until((reply) => state(reply) === 'TASK_STATE_COMPLETED')).at(-1) as WireReply),
        'TASK_STATE_COMPLETED',
      );
      await watcher.until((reply) => state(reply) === 'TASK_STATE_COMPLETED');
    },
  },
  {
    id: 'V57',
    title: 'a requester that vanishes does not stop the task: another client reads it to the end',
    async run(setting) {
      const echo = await setting.agent();
      const gone = await setting.client();
      const sent = params('wait');
      const stream = gone.request(echo.address, { method: 'SendStreamingMessage', params: sent });
      await stream.until((reply) => state(reply) === 'TASK_STATE_WORKING');
      await gone.close();
      const other = await setting.client();
      const watcher = other.request(echo.address, {
        method: 'SubscribeToTask',
        params: { id: sent.message.taskId },
      });
      await watcher.next();
      echo.release();
      await watcher.until(ends);
      const { result } = await other
        .request(echo.address, { method: 'GetTask', params: { id: sent.message.taskId } })
        .next();
      equal(result.status.state, 'TASK_STATE_COMPLETED');
      deepEqual(result.artifacts?.[0]?.parts, [{ text: 'waited' }]);
    },
  },
  {
    id: 'V58',
    title: 'subscribers of a task see the same items in the same order; ended and unknown tasks are refused',
    async run(setting) {
      const echo = await setting.agent({ concurrency: 2 });
      const [a, b] = [await setting.client(), await setting.client()];
      const sent = params('wait');
      const id = sent.message.taskId;
      const immediate = { ...sent, configuration: { returnImmediately: true } };
      const accepted = await a.request(echo.address, { method: 'SendMessage', params: immediate }).next();
      equal(accepted.result.task?.id, id);
      const one = a.request(echo.address, { method: 'SubscribeToTask', params: { id } });
      const two = b.request(echo.address, { method: 'SubscribeToTask', params: { id } });
      for (const subscriber of [one, two]) ok((await subscriber.next()).result.task !== undefined);
      echo.release();
      const [seenByOne, seenByTwo] = await Promise.all([one.until(ends), two.until(ends)]);
      deepEqual(
        seenByOne.slice(1).map(({ result }) => result),
        seenByTwo.slice(1).map(({ result }) => result),
      );
      equal(
        (await a.request(echo.address, { method: 'SubscribeToTask', params: { id } }).next()).error.code,
        -32004,
      );
      const unknown = a.request(echo.address, { method: 'SubscribeToTask', params: { id: randomUUID() } });
      equal((await unknown.next()).error.code, -32001);
    },
  },
];
