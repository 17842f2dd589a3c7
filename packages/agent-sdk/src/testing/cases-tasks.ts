import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { classifyError } from '@shoal/protocol';
import { stateOf } from '../core/stream.ts';
import type { ContractCase } from './contract-case.ts';
import { message, params } from './contract-case.ts';
import type { WireReply } from './wire-client.ts';

const state = (reply: WireReply): string | undefined => stateOf(reply.result);

const ends = (reply: WireReply): boolean =>
  /COMPLETED|FAILED|CANCELED|REJECTED|REQUIRED/.test(state(reply) ?? '');

export const taskCases: readonly ContractCase[] = [
  {
    id: 'V39',
    title: 'GetTask shows a task, with as much history as asked for, and -32001 for an unknown one',
    async run(setting) {
      const echo = await setting.agent();
      const client = await setting.client();
      const sent = params('hi');
      await client.request(echo.address, { method: 'SendMessage', params: sent }).next();
      const id = sent.message.taskId;
      const { result } = await client.request(echo.address, { method: 'GetTask', params: { id } }).next();
      equal(result.id, id);
      equal(result.history?.[0]?.messageId, sent.message.messageId);
      const short = await client
        .request(echo.address, { method: 'GetTask', params: { id, historyLength: 0 } })
        .next();
      equal('history' in short.result, false);
      const { error } = await client
        .request(echo.address, { method: 'GetTask', params: { id: randomUUID() } })
        .next();
      equal(error.code, -32001);
      ok(Array.isArray(error.data));
    },
  },
  {
    id: 'V40',
    title: 'CancelTask ends a running task on both correlations, refuses an ended one, and may be repeated',
    async run(setting) {
      const echo = await setting.agent();
      const client = await setting.client();
      const sent = params('wait');
      const id = sent.message.taskId;
      const stream = client.request(echo.address, { method: 'SendStreamingMessage', params: sent });
      await stream.until((reply) => state(reply) === 'TASK_STATE_WORKING');
      for (const _ of [1, 2]) {
        const { result } = await client
          .request(echo.address, { method: 'CancelTask', params: { id } })
          .next();
        equal(result.id, id);
        equal(result.status.state, 'TASK_STATE_CANCELED');
      }
      const [last] = (await stream.until(ends)).slice(-1);
      equal(last?.result.statusUpdate?.status.state, 'TASK_STATE_CANCELED');
      const done = params('x');
      await client.request(echo.address, { method: 'SendMessage', params: done }).next();
      const ended = await client
        .request(echo.address, { method: 'CancelTask', params: { id: done.message.taskId } })
        .next();
      equal(ended.error.code, -32002);
      const unknown = await client
        .request(echo.address, { method: 'CancelTask', params: { id: randomUUID() } })
        .next();
      equal(unknown.error.code, -32001);
    },
  },
  {
    id: 'V41',
    title: 'ListTasks pages through the tasks, newest first, without artifacts',
    async run(setting) {
      const echo = await setting.agent();
      const client = await setting.client();
      for (const n of [1, 2, 3])
        await client.request(echo.address, { method: 'SendMessage', params: params(`${n}`) }).next();
      const first = (
        await client.request(echo.address, { method: 'ListTasks', params: { pageSize: 2 } }).next()
      ).result;
      equal(first.tasks?.length, 2);
      equal(first['totalSize'], 3);
      notEqual(first['nextPageToken'], '');
      equal(
        first.tasks?.some((task) => 'artifacts' in task),
        false,
      );
      const pageToken = first['nextPageToken'];
      const second = (
        await client.request(echo.address, { method: 'ListTasks', params: { pageSize: 2, pageToken } }).next()
      ).result;
      equal(second.tasks?.length, 1);
      equal(second['nextPageToken'], '');
      equal(new Set([...(first.tasks ?? []), ...(second.tasks ?? [])].map(({ id }) => id)).size, 3);
      for (const bad of [{ pageSize: 0 }, { pageSize: 101 }, { pageToken: 'nonsense' }]) {
        equal(
          (await client.request(echo.address, { method: 'ListTasks', params: bad }).next()).error.code,
          -32602,
        );
      }
    },
  },
  {
    id: 'V46 V52',
    title: 'the same message again after the end is answered with the same task and not executed again',
    async run(setting) {
      const echo = await setting.agent();
      const client = await setting.client();
      const sent = params('once');
      const one = await client.request(echo.address, { method: 'SendMessage', params: sent }).next();
      const two = await client.request(echo.address, { method: 'SendMessage', params: sent }).next();
      deepEqual(two.result, one.result);
      const stream = client.request(echo.address, { method: 'SendStreamingMessage', params: sent });
      deepEqual((await stream.next()).result, one.result);
      equal(echo.runs.length, 1);
    },
  },
  {
    id: 'V47',
    title: 'a retry of a running stream gets the task and then the rest; both streams end',
    async run(setting) {
      const echo = await setting.agent();
      const client = await setting.client();
      const sent = params('wait');
      const one = client.request(echo.address, { method: 'SendStreamingMessage', params: sent });
      await one.until((reply) => state(reply) === 'TASK_STATE_WORKING');
      const two = client.request(echo.address, { method: 'SendStreamingMessage', params: sent });
      equal((await two.next()).result.task?.status.state, 'TASK_STATE_WORKING');
      echo.release();
      const ended = await Promise.all([one.until(ends), two.until(ends)]);
      for (const replies of ended) equal(state(replies.at(-1) as WireReply), 'TASK_STATE_COMPLETED');
      equal(echo.runs.length, 1);
    },
  },
  {
    id: 'V47',
    title: 'a retry of a blocking request that still runs: both get the one result',
    async run(setting) {
      const echo = await setting.agent();
      const client = await setting.client();
      const sent = params('wait');
      const one = client.request(echo.address, { method: 'SendMessage', params: sent });
      const two = client.request(echo.address, { method: 'SendMessage', params: sent });
      await client.request(echo.address, { method: 'GetTask', params: { id: 'order' } }).next();
      echo.release();
      deepEqual((await one.next()).result, (await two.next()).result);
      equal(echo.runs.length, 1);
    },
  },
  {
    id: 'V48',
    title: 'another message for an ended task is an unsupported operation; for a running one too',
    async run(setting) {
      const echo = await setting.agent();
      const client = await setting.client();
      for (const word of ['x', 'wait']) {
        const sent = params(word);
        const first = client.request(echo.address, { method: 'SendStreamingMessage', params: sent });
        await first.until(
          (reply) => ends(reply) || (word === 'wait' && state(reply) === 'TASK_STATE_WORKING'),
        );
        const { taskId, contextId } = sent.message;
        const next = {
          message: message('more', { taskId: taskId as string, contextId: contextId as string }),
        };
        const { error } = await client.request(echo.address, { method: 'SendMessage', params: next }).next();
        equal(classifyError(error).name, 'UnsupportedOperation');
      }
    },
  },
  {
    id: 'V59',
    title: 'two tasks of one context run side by side',
    async run(setting) {
      const echo = await setting.agent();
      const client = await setting.client();
      const contextId = randomUUID();
      const waiting = client.request(echo.address, {
        method: 'SendMessage',
        params: params('wait', { contextId }),
      });
      const quick = await client
        .request(echo.address, { method: 'SendMessage', params: params('x', { contextId }) })
        .next();
      equal(quick.result.task?.status.state, 'TASK_STATE_COMPLETED');
      echo.release();
      equal((await waiting.next()).result.task?.contextId, contextId);
    },
  },
  {
    id: 'C9 C10 M2',
    title:
      'a handler sees what was asked before in the same context, and nothing of other contexts; the card says how long',
    async run(setting) {
      const { agent, address } = await setting.agent({ contextExpirySeconds: 60 });
      const client = await setting.client();
      const contextId = randomUUID();
      const ask = async (text: string, context: string) =>
        (
          await client
            .request(address, { method: 'SendMessage', params: params(text, { contextId: context }) })
            .next()
        ).result.task?.artifacts?.[0]?.parts[0]?.text;
      for (const text of ['one', 'two']) await ask(text, contextId);
      await ask('elsewhere', randomUUID());
      equal(await ask('recall', contextId), 'one,two');
      const extension = agent.card.capabilities.extensions?.find(({ uri }) => uri?.endsWith('#context'));
      deepEqual(extension?.params, { expirySeconds: 60 });
    },
  },
];
