import { equal, ok } from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { clientIdOf } from '@shoal/protocol';
import { message, params } from '../core/request.ts';
import { at, propertyValues, stateOf } from '../core/reply.ts';
import type { RequestInit } from '../io/client.ts';
import {
  assertBinding,
  assertServes,
  brief,
  completes,
  COMPLETED,
  errorOf,
  last,
  refused,
  send,
} from './expectations.ts';
import type { ResponderScenario } from './scenario.ts';

const role = 'responder';

interface Refusal {
  readonly id: string;
  readonly title: string;
  readonly requirements: readonly string[];
  readonly request: () => RequestInit;
  readonly code: number | readonly number[];
}

const without = (...names: string[]): RequestInit =>
  send('x', Object.fromEntries(names.map((name) => [name, undefined])));

const payloads: readonly Refusal[] = [
  { id: 'V21.syntax', what: 'JSON that does not end', payload: '{nope', code: -32700 },
  { id: 'V22.array', what: 'an array', payload: '[1]', code: -32600 },
  { id: 'V23.text', what: 'a JSON text', payload: '"x"', code: [-32600, -32700] },
  { id: 'V23.null', what: 'null', payload: 'null', code: [-32600, -32700] },
  {
    id: 'V24.version',
    what: 'another version of JSON-RPC',
    payload: JSON.stringify({ jsonrpc: '1.0', id: 1, method: 'GetTask', params: { id: randomUUID() } }),
    code: -32600,
  },
  { id: 'V24.no-method', what: 'no method', payload: '{"jsonrpc":"2.0","id":1}', code: -32600 },
].map(({ id, what, payload, code }) => ({
  id,
  title: `a request of ${what} is answered ${[code].flat().join(' or ')}`,
  requirements: ['RS4', 'EM3'],
  request: () => ({ payload }),
  code,
}));

const parameters: readonly Refusal[] = [
  {
    id: 'V25.method',
    title: 'an unknown method is answered -32601, also when its parameters are those of SendMessage',
    request: () => ({ method: 'Nope', params: params('x') }),
    code: -32601,
  },
  {
    id: 'V26.old-method',
    title: 'a method name of A2A 0.3 is unknown: -32601',
    request: () => ({ method: 'message/send', params: params('x') }),
    code: -32601,
  },
  {
    id: 'V27.send',
    title: 'SendMessage with an array of parameters',
    request: () => ({ method: 'SendMessage', params: [] }),
  },
  {
    id: 'V27.cancel',
    title: 'CancelTask with an array of parameters',
    request: () => ({ method: 'CancelTask', params: [] }),
  },
  {
    id: 'V28.null',
    title: 'message: null',
    request: () => ({ method: 'SendMessage', params: { message: null } }),
  },
  { id: 'V28.no-parts', title: 'a message without parts', request: () => without('parts') },
  {
    id: 'V28.empty-parts',
    title: 'a message with an empty list of parts',
    request: () => send('x', { parts: [] }),
  },
  { id: 'V28.no-role', title: 'a message without role', request: () => without('role') },
  { id: 'V28.no-message-id', title: 'a message without messageId', request: () => without('messageId') },
  {
    id: 'V29.two-contents',
    title: 'a part with two contents',
    request: () => send('x', { parts: [{ text: 'a', data: 1 }] }),
  },
].map(({ code = -32602, title, ...refusal }) => ({
  ...refusal,
  title: title.includes('-326') ? title : `${title} is answered ${code}`,
  requirements: ['RS4', 'EM3'],
  code,
}));

const refusals: readonly ResponderScenario[] = [...payloads, ...parameters].map(
  ({ id, title, requirements, request, code }) => ({
    id,
    role,
    title,
    requirements,
    async run(stage) {
      await refused(stage, await stage.requester(), request(), code);
    },
  }),
);

const taskIds: readonly ResponderScenario[] = [
  { id: 'V30.missing', title: 'a message without task id', taskId: undefined, requirement: 'RS6' },
  { id: 'V30.malformed', title: 'a task id that is no UUID', taskId: 'not-a-uuid', requirement: 'RS7' },
  {
    id: 'V30.v1-uuid',
    title: 'a task id that is a UUID of version 1',
    taskId: '2c1d43b8-e3d7-11ee-951e-0242ac120002',
    requirement: 'RS7',
  },
].map(({ id, title, taskId, requirement }) => ({
  id,
  role,
  title: `${title} is answered -32005 transport_protocol_error`,
  requirements: [requirement, 'EM4'],
  async run(stage) {
    const error = await refused(stage, await stage.requester(), send('x', { taskId }), -32005);
    assertBinding(error, 'transport_protocol_error');
  },
}));

export const responderRequests: readonly ResponderScenario[] = [
  ...refusals,
  ...taskIds,
  {
    id: 'V16.one-reply',
    role,
    title: 'a SendMessage gets one reply: its task, in the end',
    requirements: ['RR3', 'RR9', 'RR10', 'RS5', 'ST3'],
    async run(stage) {
      const client = await stage.requester();
      const init = params('hello');
      const exchange = client.request(stage.target, { method: 'SendMessage', params: init });
      const reply = await exchange.next();
      equal(stateOf(reply.json), COMPLETED, `the first reply is ${brief(reply.json)}`);
      equal(at(reply.json, 'result', 'task', 'id'), init.message.taskId, 'result.task.id');
      await assertServes(stage, client);
      equal(exchange.replies.length, 1, 'replies to a SendMessage');
    },
  },
  {
    id: 'V16.completes',
    role,
    title: 'a SendMessage is done, whether by one reply or by a stream, and its text comes back',
    requirements: ['RR3', 'RS1', 'RS5', 'ST5'],
    async run(stage) {
      await assertServes(stage, await stage.requester());
    },
  },
  {
    id: 'V16.task-id',
    role,
    title: 'every reply carries the task id and the context id of the requester',
    requirements: ['RR9', 'RR10', 'C3', 'C4', 'RR7'],
    async run(stage) {
      const client = await stage.requester();
      const init = params('hello');
      const replies = await client.request(stage.target, { method: 'SendMessage', params: init }).until();
      for (const { json } of replies) {
        const about =
          at(json, 'result', 'task') ??
          at(json, 'result', 'statusUpdate') ??
          at(json, 'result', 'artifactUpdate');
        equal(at(about, 'id') ?? at(about, 'taskId'), init.message.taskId, `task id of ${brief(json)}`);
        equal(at(about, 'contextId'), init.message.contextId, `contextId of ${brief(json)}`);
      }
    },
  },
  {
    id: 'V16.id',
    role,
    title: 'a reply has the JSON-RPC id of its request, text or number, also when it is an error',
    requirements: ['X7'],
    async run(stage) {
      const client = await stage.requester();
      for (const id of ['id-1', 7]) {
        equal(at((await last(client.request(stage.target, { ...send('x'), id }))).json, 'id'), id);
        const error = await client.request(stage.target, { method: 'Nope', params: {}, id }).next();
        equal(at(error.json, 'id'), id, `id of ${brief(error.json)}`);
      }
    },
  },
  {
    id: 'V17.binary',
    role,
    title: 'Correlation Data that is no text comes back byte for byte',
    requirements: ['RR4', 'RS8'],
    async run(stage) {
      const client = await stage.requester();
      const correlation = Buffer.from('fffe0080', 'hex');
      await completes(client.request(stage.target, { ...send('x'), correlation }));
      await assertServes(stage, client);
    },
  },
  ...[
    { id: 'V18.short', bytes: 1 },
    { id: 'V18.long', bytes: 60_000 },
  ].map(({ id, bytes }): ResponderScenario => ({
    id,
    role,
    title: `Correlation Data of ${bytes} ${bytes === 1 ? 'byte comes' : 'bytes come'} back unchanged`,
    requirements: ['RR4', 'RS8'],
    async run(stage) {
      const client = await stage.requester();
      const correlation = Buffer.from(
        randomBytes(bytes / 2 + 1)
          .toString('hex')
          .slice(0, bytes),
      );
      await completes(client.request(stage.target, { ...send('x'), correlation }));
    },
  })),
  {
    id: 'V19.no-response-topic',
    role,
    title: 'a request without Response Topic is answered nowhere, and the next one is served',
    requirements: ['RS3'],
    async run(stage) {
      const client = await stage.requester();
      const everything = await stage.watch(`$a2a/v1/reply/#`);
      const before = stage.running.tap.events.length;
      const exchange = client.request(stage.target, { ...send('nowhere'), responseTopic: null });
      await exchange.ack;
      await assertServes(stage, client);
      equal(exchange.replies.length, 0);
      const stray = everything.seen.filter(({ payload }) => payload.toString().includes('nowhere'));
      equal(stray.length, 0, 'replies to it on any reply topic');
      const invented = stage.running.tap.events
        .slice(before)
        .filter(
          ({ from, packet }) =>
            from === 'subject' && packet.cmd === 'publish' && packet.payload.toString().includes('nowhere'),
        );
      equal(invented.length, 0, 'publishes about it');
    },
  },
  {
    id: 'V20.no-correlation',
    role,
    title: 'a request without Correlation Data is rejected without one, or dropped: it is not executed',
    requirements: ['RS3'],
    async run(stage) {
      const client = await stage.requester();
      client.request(stage.target, { ...send('uncorrelated'), correlation: null });
      await assertServes(stage, client);
      for (const { json } of client.unmatched) assertBinding(errorOf(json), 'transport_protocol_error');
      ok(client.unmatched.length <= 1, 'at most one reply');
    },
  },
  {
    id: 'V21.id-null',
    role,
    title: 'an error about JSON that cannot be read has id null',
    requirements: ['X7', 'EM1'],
    async run(stage) {
      const client = await stage.requester();
      const { json } = await client.request(stage.target, { payload: '{nope' }).next();
      equal(at(json, 'id'), null, `id of ${brief(json)}`);
    },
  },
  ...[
    { id: 'V23.empty', title: 'an empty request', payload: '' },
    { id: 'V23.not-utf8', title: 'a request that is not UTF-8', payload: Buffer.from('fffe', 'hex') },
  ].map(({ id, title, payload }): ResponderScenario => ({
    id,
    role,
    title: `${title} is answered with an error or dropped; the next one is served`,
    requirements: ['RS4'],
    async run(stage) {
      const client = await stage.requester();
      const exchange = client.request(stage.target, { payload });
      await exchange.ack;
      await assertServes(stage, client);
      for (const { json } of exchange.replies) ok([-32600, -32700].includes(errorOf(json).code), brief(json));
    },
  })),
  {
    id: 'V28.violations',
    role,
    title: 'the error about an invalid message names the field in a BadRequest',
    requirements: ['EM3'],
    async run(stage) {
      const error = await refused(stage, await stage.requester(), without('role'), -32602);
      const data = at(error, 'data');
      ok(Array.isArray(data), `error.data is an array: ${brief(data)}`);
      ok(
        data.every((item) => typeof at(item, '@type') === 'string'),
        'every element has an @type',
      );
      ok(JSON.stringify(data).includes('role'), 'and one names the field');
    },
  },
  {
    id: 'V29.null-data',
    role,
    title: 'a part with data: null is content',
    requirements: ['RS4'],
    async run(stage) {
      const client = await stage.requester();
      await completes(client.request(stage.target, send('x', { parts: [{ text: 'x' }, { data: null }] })));
    },
  },
  {
    id: 'V30.upper-case',
    role,
    title: 'a task id in upper case is a UUID too',
    requirements: ['RS5'],
    async run(stage) {
      const client = await stage.requester();
      await completes(client.request(stage.target, send('x', { taskId: randomUUID().toUpperCase() })));
    },
  },
  {
    id: 'V31.snake-case',
    role,
    title: 'ids in snake_case are refused with -32005, or understood and answered in camelCase',
    requirements: ['RS6'],
    async run(stage) {
      const client = await stage.requester();
      const { taskId, contextId, ...rest } = message('x');
      const init = {
        method: 'SendMessage',
        params: { message: { ...rest, task_id: taskId, context_id: contextId } },
      };
      const { json } = await last(client.request(stage.target, init));
      if (at(json, 'error') !== undefined) equal(errorOf(json).code, -32005, brief(json));
      else
        ok(JSON.stringify(json).includes(taskId) && !JSON.stringify(json).includes('task_id'), brief(json));
    },
  },
  {
    id: 'V32.unknown-properties',
    role,
    title: 'unknown and repeated user properties are ignored',
    requirements: ['ED3'],
    async run(stage) {
      const client = await stage.requester();
      const userProperties = { 'a2a-foo': ['1', '2'], other: 'x' };
      await completes(client.request(stage.target, { ...send('x'), userProperties }));
    },
  },
  {
    id: 'V34.spoken',
    role,
    title: 'the versions 1.0, 1.0.7 and none are spoken',
    requirements: ['ED3'],
    async run(stage) {
      const client = await stage.requester();
      for (const version of ['1.0', '1.0.7', undefined]) {
        const userProperties = version === undefined ? {} : { 'a2a-version': version };
        await completes(client.request(stage.target, { ...send('x'), userProperties }));
      }
    },
  },
  {
    id: 'V34.unsupported',
    role,
    title: 'version 9.9 is answered -32009 with ErrorInfo',
    requirements: ['X10'],
    async run(stage) {
      const userProperties = { 'a2a-version': '9.9' };
      const client = await stage.requester();
      const error = await refused(stage, client, { ...send('x'), userProperties }, -32009);
      equal(at(error, 'data', 0, 'reason'), 'VERSION_NOT_SUPPORTED');
    },
  },
  {
    id: 'V35.extension',
    role,
    title: 'a required extension must be asked for, and is echoed when it is',
    requirements: ['X11'],
    variant: 'extension',
    async run(stage) {
      const uri = 'urn:conformance:extension';
      const client = await stage.requester();
      const { json } = await client.request(stage.target, send('x')).next();
      equal(errorOf(json).code, -32008, brief(json));
      const userProperties = { 'a2a-extensions': `urn:conformance:other, ${uri}` };
      const reply = await last(client.request(stage.target, { ...send('x'), userProperties }));
      equal(stateOf(reply.json), COMPLETED);
      ok(
        propertyValues(reply.packet, 'a2a-extensions').join().includes(uri),
        'the reply names the extension',
      );
    },
  },
  {
    id: 'V42.push',
    role,
    title: 'push operations of an agent without push notifications are answered -32003 with an array',
    requirements: ['EM3'],
    async run(stage) {
      const client = await stage.requester();
      for (const verb of ['Create', 'Get', 'List', 'Delete']) {
        const method = `${verb}TaskPushNotificationConfig${verb === 'List' ? 's' : ''}`;
        const asked = { taskId: randomUUID(), id: 'c', url: 'https://example.com/hook' };
        const { json } = await client.request(stage.target, { method, params: asked }).next();
        const error = errorOf(json);
        equal(error.code, -32003, `${method}: ${brief(json)}`);
        ok(Array.isArray(error.data), 'error.data is an array, so that it is not the binding’s -32003');
      }
    },
  },
  {
    id: 'V42.extended-card',
    role,
    title: 'GetExtendedAgentCard of an agent without one is answered -32004 or -32007',
    requirements: ['EM3'],
    async run(stage) {
      await refused(stage, await stage.requester(), { method: 'GetExtendedAgentCard' }, [-32004, -32007]);
    },
  },
  {
    id: 'V44.overload',
    role,
    title: 'a request beyond the limit is answered -32004 responder_unavailable; those within it are served',
    requirements: ['EM4'],
    variant: 'busy',
    offers: ['slow'],
    async run(stage) {
      const client = await stage.requester();
      const all = [1, 2, 3].map(() => client.request(stage.target, send('slow 1500')));
      const refusal = errorOf((await (all[2] as (typeof all)[0]).next()).json);
      equal(refusal.code, -32004, brief(refusal));
      assertBinding(refusal, 'responder_unavailable');
      for (const exchange of all.slice(0, 2)) await completes(exchange);
    },
  },
  {
    id: 'PS5.probe',
    role,
    title: 'a GetTask for an unknown task is answered while the agent is busy: it serves as a probe',
    requirements: ['PS5'],
    variant: 'busy',
    offers: ['slow'],
    async run(stage) {
      const client = await stage.requester();
      const busy = client.request(stage.target, send('slow 1500'));
      await busy.ack;
      const probe = await client
        .request(stage.target, { method: 'GetTask', params: { id: randomUUID() } })
        .next(1_200);
      equal(errorOf(probe.json).code, -32001);
      equal(busy.replies.filter(({ json }) => stateOf(json) === COMPLETED).length, 0, 'it was busy');
      await completes(busy);
    },
  },
  {
    id: 'V53.expired',
    role,
    title: 'a request that expired while it waited is dropped, or answered -32003 request_expired',
    requirements: ['ED5'],
    variant: 'busy',
    offers: ['slow', 'count'],
    async run(stage) {
      const client = await stage.requester();
      const key = `expired-${randomUUID()}`;
      const first = client.request(stage.target, send('slow 1800'));
      await first.ack;
      const late = client.request(stage.target, { ...send(`count ${key}`), messageExpirySeconds: 1 });
      await completes(first);
      ok(
        (await completes(client.request(stage.target, send(`count ${key}`)))).includes(`${key}=1`),
        'it was not executed',
      );
      for (const { json } of late.replies) {
        equal(errorOf(json).code, -32003, brief(json));
        assertBinding(errorOf(json), 'request_expired');
      }
    },
  },
  {
    id: 'RR3.foreign-topic',
    role,
    title: 'a reply goes to the given Response Topic, whatever its form',
    requirements: ['RR3'],
    async run(stage) {
      const client = await stage.requester();
      const topic = `conformance/${clientIdOf(client.address)}/anywhere`;
      const watcher = await stage.watch(topic);
      client.request(stage.target, { ...send('over there'), responseTopic: topic });
      await watcher.until(`reply on ${topic}`);
    },
  },
  {
    id: 'RR5.qos',
    role,
    title: 'replies are published with QoS 1 and not retained',
    requirements: ['RR5', 'RS9', 'ST4', 'X19'],
    async run(stage) {
      const client = await stage.requester();
      await assertServes(stage, client);
      const replies = stage.running.tap.sent('publish').filter(({ topic }) => topic === client.replyTopic);
      ok(replies.length > 0);
      for (const { qos, retain } of replies) {
        equal(qos, 1, 'QoS as published');
        equal(retain, false);
      }
    },
  },
  {
    id: 'X9.content-type',
    role,
    title: 'replies say that they are JSON',
    requirements: ['X9'],
    async run(stage) {
      const client = await stage.requester();
      const { packet } = await last(client.request(stage.target, send('x')));
      equal(packet.properties?.contentType, 'application/json', 'content type');
    },
  },
];
