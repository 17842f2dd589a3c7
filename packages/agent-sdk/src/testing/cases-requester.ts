import { deepEqual, equal, notDeepEqual, ok, rejects } from 'node:assert/strict';
import type { Task } from '@shoal/protocol';
import { a2aError, bindingError } from '@shoal/protocol';
import { openLink } from '@shoal/mqtt-link';
import { isStreamEnd } from '../core/stream.ts';
import { isA2aError } from '../errors.ts';
import type { Requester, RequesterOptions } from '../io/requester-types.ts';
import { createRequester } from '../io/requester.ts';
import type { ContractCase, ContractSetting } from './contract-case.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeResponder, taskOf } from './fake-responder.ts';

interface Pair {
  readonly requester: Requester;
  readonly responder: FakeResponder;
  readonly clock: FakeClock;
  readonly problems: string[];
}

async function setUp(setting: ContractSetting, options: Partial<RequesterOptions> = {}): Promise<Pair> {
  const responder = await FakeResponder.open(setting.url, setting.address('silent'));
  const address = setting.address('requester');
  const link = await openLink({
    url: setting.url,
    clientId: `${address.org}/${address.unit}/${address.agentId}`,
  });
  const clock = new FakeClock();
  const problems: string[] = [];
  const onProtocolError = ({ reason }: { reason: string }): void => void problems.push(reason);
  const requester = createRequester({ link, address, clock, random: () => 0.5, onProtocolError, ...options });
  setting.onEnd(async () => {
    await requester.close();
    await responder.close();
    await link.close();
  });
  return { requester, responder, clock, problems };
}

/** Waits for the requester's link to have seen its acknowledgement or reply; each round is a trip of the event loop. */
async function settled(condition: () => boolean): Promise<void> {
  const giveUp = Date.now() + 8_000;
  while (!condition()) {
    if (Date.now() > giveUp) throw new Error('the condition did not come true within 8 s');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export const requesterCases: readonly ContractCase[] = [
  {
    id: 'V36',
    title: 'replies with unknown or without Correlation Data are reported and ignored',
    async run(setting) {
      const { requester, responder, problems } = await setUp(setting);
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
      const { requester, responder } = await setUp(setting);
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
      const { requester, responder } = await setUp(setting);
      const answer = requester.send(
        responder.address,
        { text: 'x', data: { n: 1 } },
        { requestMetadata: { trace: 't' } },
      );
      const request = await responder.next();
      const { message } = request;
      ok(message.responseTopic?.startsWith(`$a2a/v1/reply/contract/`));
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
      const { requester, responder } = await setUp(setting);
      const answer = requester.send(responder.address, 'x');
      answer.catch(() => undefined);
      await responder.reply(await responder.next(), { error });
      await rejects(answer, { code, rpcCode: error.code, retryable });
      equal(responder.requests.length, 1);
    },
  })),
  {
    id: 'V49',
    title: 'a silent responder gets three publishes, 15 s and the backoff apart, then the call times out',
    async run(setting) {
      for (const { random, waits } of [
        { random: 0, waits: [800, 1_600] },
        { random: 1, waits: [1_200, 2_400] },
      ]) {
        const { requester, responder, clock } = await setUp(setting, { random: () => random });
        const answer = requester.send(responder.address, 'x');
        answer.catch(() => undefined);
        const requests = [await responder.next()];
        for (const wait of waits) {
          deepEqual(clock.dueInMs(), [15_000]);
          clock.advance(15_000);
          deepEqual(clock.dueInMs().map(Math.round), [wait]);
          clock.advance(wait);
          requests.push(await responder.next());
        }
        deepEqual(clock.dueInMs(), [15_000]);
        clock.advance(15_000);
        await rejects(answer, { code: 'timeout', retryable: true });
        deepEqual(clock.dueInMs(), []);
        const [first, ...others] = requests;
        for (const other of others) {
          equal(other.message.text(), first?.message.text(), 'same task, message and id');
          notDeepEqual(other.message.correlationData, first?.message.correlationData);
        }
        equal(responder.requests.length, 3);
      }
    },
  },
  {
    id: 'V50',
    title: 'a late reply to the first attempt is accepted after the second was sent',
    async run(setting) {
      const { requester, responder, clock } = await setUp(setting);
      const answer = requester.send(responder.address, 'x');
      const first = await responder.next();
      clock.advance(15_000);
      clock.advance(1_000);
      await responder.next();
      await responder.replyTask(first, 'TASK_STATE_COMPLETED');
      equal(((await answer) as Task).status.state, 'TASK_STATE_COMPLETED');
      deepEqual(clock.dueInMs(), []);
      equal(responder.requests.length, 2);
    },
  },
  {
    id: 'V51',
    title: 'a stream that falls silent for 30 s is looked after with GetTask, and not sent again',
    async run(setting) {
      const { requester, responder, clock } = await setUp(setting);
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
      const { requester, responder, clock } = await setUp(setting, { retry: { maxAttempts: 1 } });
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
    title:
      'nobody there: the broker says so, the call tries again without waiting 15 s, and ends as no-responder',
    async run(setting) {
      const { requester, clock } = await setUp(setting);
      const answer = requester.send(setting.address('nobody'), 'x');
      answer.catch(() => undefined);
      for (const wait of [1_000, 2_000]) {
        await settled(() => clock.dueInMs()[0] === wait);
        clock.advance(wait);
      }
      await rejects(answer, { code: 'no-responder', retryable: true });
    },
  },
  {
    id: 'V52',
    title: 'a repeated stream item is passed on once, and so is the result of a repeated reply',
    async run(setting) {
      const { requester, responder } = await setUp(setting);
      const items: unknown[] = [];
      const done = (async () => {
        for await (const item of requester.stream(responder.address, 'x')) items.push(item);
      })();
      const request = await responder.next();
      const send = (seq: string, result: unknown) =>
        responder.reply(request, { result }, { 'a2a-stream-seq': seq });
      const status = (state: string) => ({
        statusUpdate: { ...update(request.params.message.taskId), status: { state } },
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
      const { requester, responder, problems } = await setUp(setting);
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
          result: { statusUpdate: { ...update(request.params.message.taskId), status } },
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
      const { requester, responder } = await setUp(setting);
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
    id: 'A6',
    title: 'a peer that streams where one reply was asked for is folded into one task',
    async run(setting) {
      const { requester, responder } = await setUp(setting);
      const answer = requester.send(responder.address, 'x');
      const request = await responder.next();
      const ids = update(request.params.message.taskId);
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
      const { requester, responder, clock } = await setUp(setting);
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
      const { requester, responder } = await setUp(setting);
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

function update(taskId: string | undefined) {
  return { taskId, contextId: 'c' };
}
