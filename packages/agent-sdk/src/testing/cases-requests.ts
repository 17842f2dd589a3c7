import { deepEqual, equal, ok } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { classifyError } from '@shoal/protocol';
import type { ContractCase } from './contract-case.ts';
import { message, params } from './contract-case.ts';
import type { Exchange } from './wire-client.ts';
import { setUp, assertAlive, assertRefused, assertBinding, send } from './refusals.ts';

export const requestCases: readonly ContractCase[] = [
  {
    id: 'V16',
    title: 'a blocking SendMessage gets one reply, with its correlation, its id and its task',
    async run(setting) {
      const { client, echo } = await setUp(setting);
      const wanted = params('hello');
      const exchange = client.request(echo.address, {
        method: 'SendMessage',
        params: wanted,
        id: 'id-1',
        correlation: Buffer.from('k1'),
      });
      const reply = await exchange.next();
      equal(reply.id, 'id-1');
      equal(reply.result.task?.id, wanted.message.taskId);
      equal(reply.result.task?.contextId, wanted.message.contextId);
      equal(reply.result.task?.status.state, 'TASK_STATE_COMPLETED');
      deepEqual(reply.result.task?.artifacts?.[0]?.parts, [{ text: 'echo hello' }]);
      equal(reply.message.contentType, 'application/json');
      await assertAlive(client, echo);
      equal(exchange.replies.length, 1);
    },
  },
  {
    id: 'V17 V18',
    title: 'Correlation Data of any bytes and size comes back unchanged',
    async run(setting) {
      const { client, echo } = await setUp(setting);
      for (const correlation of [Buffer.from('fffe0080', 'hex'), Buffer.from([7]), randomBytes(60_000)]) {
        const { message: reply } = await client.request(echo.address, { ...send({}), correlation }).next();
        ok(Buffer.from(reply.correlationData ?? []).equals(correlation));
      }
      await assertAlive(client, echo);
    },
  },
  {
    id: 'V32 V34',
    title: 'unknown and repeated properties are ignored; versions 1.0, 1.0.7 and none are spoken',
    async run(setting) {
      const { client, echo } = await setUp(setting);
      for (const userProperties of [
        { 'a2a-foo': ['1', '2'], other: 'x' },
        { 'a2a-version': '1.0' },
        { 'A2A-Version': '1.0.7' },
      ]) {
        const { result } = await client.request(echo.address, { ...send({}), userProperties }).next();
        equal(result.task?.status.state, 'TASK_STATE_COMPLETED');
      }
    },
  },
  {
    id: 'V34',
    title: 'version 9.9 is answered -32009 with ErrorInfo',
    async run(setting) {
      const error = await assertRefused(
        setting,
        { ...send({}), userProperties: { 'a2a-version': '9.9' } },
        -32009,
      );
      equal((error.data as { reason: string }[])[0]?.reason, 'VERSION_NOT_SUPPORTED');
    },
  },
  {
    id: 'V35',
    title: 'a required extension must be named, and is echoed when it is',
    async run(setting) {
      const uri = 'urn:example:extension';
      const extensions = [{ uri, required: true }];
      const card = { name: 'Strict', description: 'Wants an extension.', capabilities: { extensions } };
      const echo = await setting.agent({ card });
      const client = await setting.client();
      const { error } = await client.request(echo.address, send({})).next();
      equal(error.code, -32008);
      const userProperties = { 'a2a-extensions': `urn:example:other, ${uri}` };
      const reply = await client.request(echo.address, { ...send({}), userProperties }).next();
      equal(reply.result.task?.status.state, 'TASK_STATE_COMPLETED');
      equal(reply.message.userProperties['a2a-extensions'], uri);
    },
  },
  {
    id: 'V42',
    title: 'push operations are answered -32003 with an array, GetExtendedAgentCard -32004',
    async run(setting) {
      const { client, echo } = await setUp(setting);
      for (const method of ['Create', 'Get', 'Delete'].map((verb) => `${verb}TaskPushNotificationConfig`)) {
        const { error } = await client
          .request(echo.address, { method, params: { taskId: 'x', id: 'y', url: 'z' } })
          .next();
        equal(error.code, -32003);
        equal(classifyError(error).name, 'PushNotificationNotSupported');
      }
      const { error } = await client.request(echo.address, { method: 'GetExtendedAgentCard' }).next();
      equal(classifyError(error).name, 'UnsupportedOperation');
    },
  },
  {
    id: 'V44',
    title:
      'beyond the concurrency limit and the queue comes -32004 responder_unavailable; a probe is answered all the same',
    async run(setting) {
      const busy = await setting.agent({ concurrency: 1, maxQueued: 1 });
      const client = await setting.client();
      const all: Exchange[] = [];
      for (const _ of [1, 2, 3]) all.push(client.request(busy.address, send({}, 'wait')));
      const { error } = await (all[2] as Exchange).next();
      assertBinding(error, 'responder_unavailable');
      const probe = await client.request(busy.address, { method: 'GetTask', params: { id: 'probe' } }).next();
      equal(probe.error.code, -32001);
      busy.release();
      for (const exchange of all.slice(0, 2))
        equal((await exchange.next()).result.task?.status.state, 'TASK_STATE_COMPLETED');
    },
  },
  {
    id: 'V53',
    title: 'a request that expired in the queue is not executed, and answered -32003 request_expired',
    async run(setting) {
      const busy = await setting.agent({ concurrency: 1 });
      const client = await setting.client();
      const first = client.request(busy.address, send({}, 'wait'));
      const expiring = params('late');
      const late = client.request(busy.address, {
        method: 'SendMessage',
        params: expiring,
        messageExpirySeconds: 1,
      });
      await late.ack;
      setTimeout(() => busy.release(), 1_200);
      await first.next();
      assertBinding((await late.next()).error, 'request_expired');
      equal(busy.runs.length, 1);
      const again = await client.request(busy.address, { method: 'SendMessage', params: expiring }).next();
      equal(again.result.task?.status.state, 'TASK_STATE_COMPLETED');
    },
  },
  {
    id: 'V59',
    title: 'contexts: kept, inferred, generated, and refused when they do not belong to the task',
    async run(setting) {
      const { client, echo } = await setUp(setting);
      const first = params('ask');
      const asked = await client.request(echo.address, { method: 'SendMessage', params: first }).next();
      equal(asked.result.task?.contextId, first.message.contextId);
      const { taskId } = first.message;
      const other = await client
        .request(echo.address, send({ taskId: taskId as string, contextId: 'other' }))
        .next();
      equal(other.error.code, -32602);
      const { contextId: _, ...inferring } = message('go on', { taskId: taskId as string });
      const inferred = await client
        .request(echo.address, { method: 'SendMessage', params: { message: inferring } })
        .next();
      equal(inferred.result.task?.contextId, first.message.contextId);
      const ended = await client
        .request(echo.address, send({ taskId: taskId as string, contextId: 'other' }))
        .next();
      equal(ended.error.code, -32602, 'the context is checked before the state');
      const { contextId: __, ...without } = message('x');
      const generated = await client
        .request(echo.address, { method: 'SendMessage', params: { message: without } })
        .next();
      ok((generated.result.task?.contextId ?? '') !== '');
      const contradiction = { ...send({}), userProperties: { 'a2a-context-id': 'not this' } };
      assertBinding(
        (await client.request(echo.address, contradiction).next()).error,
        'transport_protocol_error',
      );
    },
  },
];
