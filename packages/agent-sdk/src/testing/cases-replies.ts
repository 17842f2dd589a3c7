import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import type { Task } from '@shoal/protocol';
import { a2aError, bindingError, isTaskId } from '@shoal/protocol';
import { isA2aError } from '../errors.ts';
import type { ContractCase } from './contract-case.ts';
import { setUpRequester, updateOf } from './requester-setting.ts';

export const replyCases: readonly ContractCase[] = [
  {
    id: 'V36',
    title: 'replies with unknown or without Correlation Data are reported and ignored',
    async run(setting) {
      const { requester, responder, problems } = await setUpRequester(setting);
      const answer = requester.send(responder.address, 'x');
      const request = await responder.next();
      await responder.replyRaw(request, '{}', Buffer.from('unknown'));
      await responder.replyRaw(request, '{}', undefined);
      await responder.replyTask(request, 'TASK_STATE_COMPLETED');
      equal(((await answer) as Task).id, request.params.message.taskId);
      equal(problems.length, 2);
    },
  },
  {
    id: 'V37',
    title: 'two requests in flight answered in reverse each get their own answer',
    async run(setting) {
      const { requester, responder } = await setUpRequester(setting);
      const answers = [requester.send(responder.address, '1'), requester.send(responder.address, '2')];
      const [one, two] = [await responder.next(), await responder.next()];
      await responder.replyTask(two, 'TASK_STATE_COMPLETED');
      await responder.replyTask(one, 'TASK_STATE_REJECTED');
      const [first, second] = (await Promise.all(answers)) as Task[];
      equal(first?.status.state, 'TASK_STATE_REJECTED');
      equal(second?.id, two.params.message.taskId);
    },
  },
  {
    id: 'V38',
    title: 'a request carries its reply topic, correlation, version and JSON content type',
    async run(setting) {
      const { requester, responder } = await setUpRequester(setting);
      const answer = requester.send(
        responder.address,
        { text: 'x', data: { n: 1 } },
        { requestMetadata: { trace: 't' } },
      );
      const request = await responder.next();
      const { message } = request;
      ok(message.responseTopic?.startsWith(`$a2a/v1/reply/contract/`));
      match(
        message.responseTopic ?? '',
        /\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
        'S4 a suffix nobody guesses',
      );
      ok(isTaskId(request.params.message.taskId), 'RR8 the requester chooses the task id');
      ok(isTaskId(request.params.message.contextId), 'C1 and the context id');
      ok((message.correlationData?.length ?? 0) > 0);
      equal(message.userProperties['a2a-version'], '1.0');
      equal(message.contentType, 'application/json');
      deepEqual(request.params.message.parts, [{ text: 'x' }, { data: { n: 1 } }]);
      await responder.reply(request, {
        result: { message: { messageId: 'm', role: 'ROLE_AGENT', parts: [{ text: 'hello' }] } },
      });
      deepEqual(await answer, { messageId: 'm', role: 'ROLE_AGENT', parts: [{ text: 'hello' }] });
    },
  },
  ...[
    {
      id: 'V42',
      error: a2aError('PushNotificationNotSupported', 'no'),
      code: 'push-notification-not-supported',
      retryable: false,
    },
    { id: 'V43', error: bindingError('request_expired', 'late'), code: 'request-expired', retryable: true },
    {
      id: 'V44',
      error: bindingError('responder_unavailable', 'busy'),
      code: 'responder-unavailable',
      retryable: true,
    },
    {
      id: 'V45',
      error: bindingError('transport_protocol_error', 'bad'),
      code: 'transport-protocol-error',
      retryable: false,
    },
    {
      id: 'V45',
      error: a2aError('ContentTypeNotSupported', 'no'),
      code: 'content-type-not-supported',
      retryable: false,
    },
  ].map(({ id, error, code, retryable }): ContractCase => ({
    id,
    title: `error ${error.code} of this shape is raised as ${code}, and not sent again`,
    async run(setting) {
      const { requester, responder } = await setUpRequester(setting);
      const answer = requester.send(responder.address, 'x');
      answer.catch(() => undefined);
      await responder.reply(await responder.next(), { error });
      await rejects(answer, { code, rpcCode: error.code, retryable });
      equal(responder.requests.length, 1);
    },
  })),
  {
    id: 'A6',
    title: 'a peer that streams where one reply was asked for is folded into one task',
    async run(setting) {
      const { requester, responder } = await setUpRequester(setting);
      const answer = requester.send(responder.address, 'x');
      const request = await responder.next();
      const ids = updateOf(request.params.message.taskId);
      const artifact = { artifactId: 'a', parts: [{ text: 'one' }] };
      await responder.reply(request, {
        result: { statusUpdate: { ...ids, status: { state: 'TASK_STATE_WORKING' } } },
      });
      await responder.reply(request, { result: { artifactUpdate: { ...ids, artifact } } });
      await responder.reply(request, {
        result: { statusUpdate: { ...ids, status: { state: 'TASK_STATE_COMPLETED' } } },
      });
      const task = (await answer) as Task;
      equal(task.status.state, 'TASK_STATE_COMPLETED');
      deepEqual(task.artifacts, [artifact]);
    },
  },
  {
    id: 'abort',
    title: 'an aborted call rejects at once and leaves nothing behind',
    async run(setting) {
      const { requester, responder, clock } = await setUpRequester(setting);
      const stop = new AbortController();
      const answer = requester.send(responder.address, 'x', { signal: stop.signal });
      answer.catch(() => undefined);
      const request = await responder.next();
      stop.abort(new Error('enough'));
      await rejects(
        answer,
        (error) => isA2aError(error, 'aborted') && (error.cause as Error).message === 'enough',
      );
      deepEqual(clock.dueInMs(), []);
      await responder.replyTask(request, 'TASK_STATE_COMPLETED');
      await rejects(requester.send(responder.address, 'x', { signal: stop.signal }), { code: 'aborted' });
    },
  },
  {
    id: 'invalid',
    title: 'a reply that is not A2A rejects with what is wrong with it',
    async run(setting) {
      const { requester, responder } = await setUpRequester(setting);
      for (const payload of [
        '{nope',
        '[]',
        '{"jsonrpc":"2.0","id":1,"result":{"task":{"id":1}}}',
        '{"jsonrpc":"2.0","id":1}',
      ]) {
        const answer = requester.send(responder.address, 'x');
        answer.catch(() => undefined);
        const request = await responder.next();
        await responder.replyRaw(request, payload, request.message.correlationData);
        await rejects(answer, { code: 'invalid-response' });
      }
      await rejects(requester.send(responder.address, { parts: [] }), { code: 'invalid-message' });
      await rejects(requester.send(responder.address, { text: 'x', taskId: 'mine' }), {
        code: 'invalid-message',
      });
    },
  },
];
