import { deepEqual, equal, notDeepEqual, ok } from 'node:assert/strict';
import type { IPubackPacket, IPublishPacket } from 'mqtt-packet';
import { at } from '../core/reply.ts';
import type { FakeResponder, SeenRequest } from '../io/fake-responder.ts';
import { taskOf } from '../io/fake-responder.ts';
import {
  DEFAULT_FIRST_REPLY_MS,
  type CallInit,
  type RequesterStage,
  type RunningCall,
} from '../io/requester-stage.ts';
import { brief, COMPLETED } from './expectations.ts';
import { requestsOf } from './requester-requests.ts';
import type { RequesterScenario } from './scenario.ts';

const role = 'requester';
const WORKING = 'TASK_STATE_WORKING';
/** First-reply timeout of calls that need one that runs out. */
const SHORT_MS = 600;
/** What a busy machine may be late by, at either end of a wait: up to 1 s at its beginning, this at its end. */
const SLACK_MS = 2_500;

interface Conversation {
  readonly responder: FakeResponder;
  readonly call: RunningCall;
  readonly request: SeenRequest;
}

/** A call whose request has arrived at a responder that says nothing yet. */
async function asked(stage: RequesterStage, init: Omit<CallInit, 'target'> = {}): Promise<Conversation> {
  const responder = await stage.fakeResponder();
  const call = await stage.call({ target: responder.address.agentId, ...init });
  const request = await responder.next(stage.options.timeoutMs * 4);
  return { responder, call, request };
}

const correlation = ({ packet }: SeenRequest): string | undefined =>
  packet.properties?.correlationData?.toString('hex');

/** Three publishes, the waits between them within the profile, then the end. */
async function assertSchedule(
  stage: RequesterStage,
  timeoutMs: number,
  init: CallInit,
): Promise<SeenRequest[]> {
  const responder = await stage.fakeResponder();
  const call = await stage.call({ ...init, target: responder.address.agentId });
  const requests = [await responder.next(stage.options.timeoutMs * 4)];
  for (const backoffMs of [1_000, 2_000]) {
    const before = requests.at(-1) as SeenRequest;
    const next = await responder.next(timeoutMs + backoffMs * 1.2 + SLACK_MS);
    const waitedMs = next.atMs - before.atMs;
    const [least, most] = [timeoutMs + backoffMs * 0.8 - 1_000, timeoutMs + backoffMs * 1.2 + SLACK_MS];
    ok(
      waitedMs >= least && waitedMs <= most,
      `attempt ${requests.length + 1} came after ${Math.round(waitedMs)} ms; expected ${least} to ${most}`,
    );
    requests.push(next);
  }
  await call.ended(timeoutMs + SLACK_MS + stage.options.timeoutMs);
  equal(responder.requests.length, 3, 'publishes of the request');
  return requests;
}

const ends = [
  { state: 'COMPLETED', outcome: 'completed' },
  { state: 'FAILED', outcome: 'failed' },
  { state: 'CANCELED', outcome: 'failed' },
  { state: 'REJECTED', outcome: 'failed' },
  { state: 'INPUT_REQUIRED', outcome: 'interrupted' },
  { state: 'AUTH_REQUIRED', outcome: 'interrupted' },
].map(({ state, outcome }): RequesterScenario => ({
  id: `V55.${state.toLowerCase().replace('_', '-')}`,
  role,
  title: `${state} ends a stream; what follows is ignored`,
  requirements: ['ST6', ...(outcome === 'interrupted' ? ['ST7'] : [])],
  offers: ['outcome'],
  async run(stage) {
    const { responder, call, request } = await asked(stage, { operation: stage.prefer('stream', 'send') });
    await responder.replyTask(request, 'TASK_STATE_SUBMITTED');
    await responder.replyStatus(request, `TASK_STATE_${state}`);
    await responder.replyStatus(request, WORKING);
    const seen = await call.outcome();
    equal(seen.outcome, outcome, brief(seen));
    equal(requestsOf(call).length, 1, 'publishes');
  },
}));

export const requesterRetries: readonly RequesterScenario[] = [
  {
    id: 'V49.defaults',
    role,
    title: 'a silent responder gets three publishes, 15 s and the backoff apart, then the call ends',
    requirements: ['RT1', 'RQ9'],
    extraMs: 60_000,
    async run(stage) {
      await assertSchedule(stage, DEFAULT_FIRST_REPLY_MS, { target: '' });
    },
  },
  {
    id: 'V49.configured',
    role,
    title: 'the first-reply timeout can be configured; three publishes, then the call ends as timed out',
    requirements: ['RT1', 'RT8'],
    offers: ['timing'],
    extraMs: 10_000,
    async run(stage) {
      await assertSchedule(stage, SHORT_MS, { target: '', firstReplyTimeoutMs: SHORT_MS });
    },
  },
  {
    id: 'V49.same-ids',
    role,
    title: 'each attempt has new Correlation Data, and the same task, context, message and request id',
    requirements: ['RT2', 'RT3', 'M4'],
    offers: ['timing'],
    extraMs: 10_000,
    async run(stage) {
      const { responder, request } = await asked(stage, { firstReplyTimeoutMs: SHORT_MS });
      const second = await responder.next(SHORT_MS + 1_200 + SLACK_MS);
      const third = await responder.next(SHORT_MS + 2_400 + SLACK_MS);
      const ids = ({ json }: SeenRequest) =>
        ['taskId', 'contextId', 'messageId'].map((name) => at(json, 'params', 'message', name));
      for (const later of [second, third]) deepEqual(ids(later), ids(request));
      equal(new Set([request, second, third].map(correlation)).size, 3, 'different Correlation Data');
    },
  },
  {
    id: 'V49.outcome',
    role,
    title: 'a call that nobody answers ends as a timeout',
    requirements: ['RT8'],
    offers: ['timing', 'outcome'],
    extraMs: 10_000,
    async run(stage) {
      const { call } = await asked(stage, { firstReplyTimeoutMs: 200 });
      equal((await call.outcome(20_000)).outcome, 'timeout');
    },
  },
  {
    id: 'V50.late',
    role,
    title: 'a late reply to the first attempt counts after the second was sent; there is no third',
    requirements: ['RT6', 'RQ1'],
    offers: ['timing', 'outcome'],
    extraMs: 10_000,
    async run(stage) {
      const { responder, call, request } = await asked(stage, { firstReplyTimeoutMs: SHORT_MS });
      await responder.next();
      await responder.replyTask(request, COMPLETED, 'late');
      const outcome = await call.outcome();
      equal(outcome.outcome, 'completed', brief(outcome));
      equal(requestsOf(call).length, 2, 'publishes of the request');
    },
  },
  {
    id: 'V51.recovery',
    role,
    title: 'a stream that falls silent is looked after with GetTask for the same task',
    requirements: ['RT10', 'RR11', 'ST8'],
    offers: ['timing', 'outcome'],
    extraMs: 5_000,
    async run(stage) {
      const operation = stage.prefer('stream', 'send');
      const { responder, call, request } = await asked(stage, { operation, streamIdleTimeoutMs: SHORT_MS });
      await responder.replyTask(request, WORKING);
      const probe = await responder.next();
      equal(probe.method, 'GetTask', brief(probe.json));
      equal(probe.taskId, request.taskId);
      await responder.reply(probe, {
        result: taskOf({ ...probe, contextId: request.contextId }, COMPLETED, 'found'),
      });
      const outcome = await call.outcome();
      equal(outcome.outcome, 'completed', brief(outcome));
    },
  },
  {
    id: 'V51.no-repeat',
    role,
    title: 'after a stream item the request is not published again, however long the silence',
    requirements: ['RT9'],
    offers: ['timing'],
    extraMs: 5_000,
    async run(stage) {
      const timing = { firstReplyTimeoutMs: SHORT_MS, streamIdleTimeoutMs: SHORT_MS };
      const operation = stage.prefer('stream', 'send');
      const { responder, call, request } = await asked(stage, { operation, ...timing });
      await responder.replyTask(request, WORKING);
      const until = performance.now() + SHORT_MS + 2_500;
      for (let left = 2_500; left > 0; left = until - performance.now()) {
        const next = await responder.tryNext(left);
        if (next !== undefined) equal(next.method, 'GetTask', 'what is sent after a stream item');
      }
      const repeated = requestsOf(call).filter(({ payload }) => !payload.toString().includes('GetTask'));
      equal(repeated.length, 1, 'publishes of the request');
    },
  },
  {
    id: 'V52.not-accepted',
    role,
    title: 'a publish that the broker does not accept (0x97) is tried again',
    requirements: ['RT7'],
    offers: ['outcome'],
    extraMs: 5_000,
    async run(stage) {
      const responder = await stage.fakeResponder();
      const call = await stage.call({ target: responder.address.agentId });
      let refused: IPublishPacket | undefined;
      call.tap.intercept = ({ from, packet }) => {
        const isRequest = packet.cmd === 'publish' && packet.topic.startsWith('$a2a/v1/request/');
        if (from !== 'subject' || !isRequest || refused !== undefined) return undefined;
        refused = packet;
        return 'drop';
      };
      await call.tap.until(
        'request',
        ({ packet }) => packet === refused && refused !== undefined,
        stage.options.timeoutMs * 4,
      );
      const nack: IPubackPacket = { cmd: 'puback', messageId: refused?.messageId ?? 0, reasonCode: 0x97 };
      call.tap.toSubject(nack);
      const again = await responder.next();
      notDeepEqual(again.packet.properties?.correlationData, refused?.properties?.correlationData);
      await responder.replyTask(again, COMPLETED, 'fine');
      equal((await call.outcome()).outcome, 'completed');
    },
  },
  {
    id: 'V52.dup-reply',
    role,
    title: 'a reply that is delivered twice gives one result',
    requirements: ['ED1'],
    offers: ['outcome'],
    async run(stage) {
      const { responder, call, request } = await asked(stage);
      await Promise.all([1, 2].map(() => responder.replyTask(request, COMPLETED, 'once')));
      const outcomes = await call.outcomes();
      equal(outcomes.length, 1);
      equal(outcomes[0]?.outcome, 'completed');
      equal(String(outcomes[0]?.text).split('once').length - 1, 1, 'the text once');
    },
  },
  ...ends,
  {
    id: 'V57.message-reply',
    role,
    title: 'a reply that is one message ends the call',
    requirements: ['X22'],
    offers: ['outcome'],
    async run(stage) {
      const { responder, call, request } = await asked(stage);
      const message = {
        messageId: 'm',
        role: 'ROLE_AGENT',
        contextId: request.contextId,
        parts: [{ text: 'hi there' }],
      };
      await responder.reply(request, { result: { message } });
      const outcome = await call.outcome();
      equal(outcome.outcome, 'completed', brief(outcome));
      ok(String(outcome.text).includes('hi there'), brief(outcome));
    },
  },
  {
    id: 'V56.converse',
    role,
    title: 'an answer to INPUT_REQUIRED has the same task and context, a new message and a new correlation',
    requirements: ['M3', 'RR11', 'ST7'],
    operation: 'converse',
    async run(stage) {
      const { responder, request } = await asked(stage, {
        operation: 'converse',
        text: 'first',
        argument: 'second',
      });
      await responder.replyTask(request, 'TASK_STATE_INPUT_REQUIRED');
      const answer = await responder.next();
      const field = ({ json }: SeenRequest, name: string): unknown => at(json, 'params', 'message', name);
      equal(field(answer, 'taskId'), field(request, 'taskId'));
      equal(field(answer, 'contextId'), field(request, 'contextId'));
      ok(field(answer, 'messageId') !== field(request, 'messageId'), 'a new messageId');
      ok(correlation(answer) !== correlation(request), 'new Correlation Data');
      equal(at(answer.json, 'params', 'message', 'parts', 0, 'text'), 'second');
      await responder.replyTask(answer, COMPLETED, 'fine');
    },
  },
  {
    id: 'V60.follow-handover',
    role,
    title: 'after a handover the next message of the task goes to the delegate that was named last',
    requirements: ['H3', 'H5', 'H6', 'H4'],
    operation: 'converse',
    offers: ['handover'],
    async run(stage) {
      const delegates = [await stage.fakeResponder(), await stage.fakeResponder()];
      const [first, latest] = delegates.map(({ address }) => ({ 'a2a-responder-agent-id': address.agentId }));
      const { responder, request } = await asked(stage, {
        operation: 'converse',
        text: 'first',
        argument: 'second',
      });
      await responder.reply(request, { result: { task: taskOf(request, WORKING) } }, first);
      await responder.replyStatus(request, 'TASK_STATE_INPUT_REQUIRED', latest);
      const follow = await (delegates[1] as FakeResponder).next();
      equal(follow.taskId, request.taskId);
      equal(delegates[0]?.requests.length, 0, 'requests to the earlier delegate');
      await (delegates[1] as FakeResponder).replyTask(follow, COMPLETED, 'fine');
    },
  },
  ...(['get', 'cancel'] as const).map((operation): RequesterScenario => ({
    id: `RR11.${operation}`,
    role,
    title: `${operation === 'get' ? 'GetTask' : 'CancelTask'} names the task that it is about, on a correlation of its own`,
    requirements: ['RR11', 'RQ2'],
    operation,
    async run(stage) {
      const taskId = '7b1f3c52-8a54-4f0a-9c1e-2f3d4e5f6a7b';
      const { responder, request } = await asked(stage, { operation, argument: taskId });
      equal(request.method, operation === 'get' ? 'GetTask' : 'CancelTask');
      equal(at(request.json, 'params', 'id'), taskId);
      ok((request.packet.properties?.correlationData?.length ?? 0) > 0);
      const state = operation === 'get' ? COMPLETED : 'TASK_STATE_CANCELED';
      await responder.reply(request, { result: taskOf(request, state) });
    },
  })),
  {
    id: 'S5.requester',
    role,
    title: 'a requester whose connection is lost while it waits connects again and takes the reply',
    requirements: ['S5'],
    offers: ['outcome'],
    extraMs: 15_000,
    async run(stage) {
      const { responder, call, request } = await asked(stage);
      call.tap.cut();
      const before = call.tap.events.length;
      await call.tap.until(
        'subscription to the reply topic after the loss',
        ({ from, packet }) =>
          (from === 'broker' && packet.cmd === 'suback') ||
          (from === 'broker' && packet.cmd === 'connack' && packet.sessionPresent),
        stage.options.timeoutMs + 10_000,
        before,
      );
      await responder.replyTask(request, COMPLETED, 'fine');
      equal((await call.outcome(stage.options.timeoutMs + 15_000)).outcome, 'completed');
    },
  },
  {
    id: 'V61.plaintext',
    role,
    title: 'a token is not sent over a connection without TLS',
    requirements: ['O4', 'S6'],
    operation: 'bearer',
    async run(stage) {
      const responder = await stage.fakeResponder();
      const token = 'eyJhbGciOiJub25lIn0.Y29uZm9ybWFuY2U.c2lnbmF0dXJl';
      stage.secrets.push(token);
      const call = await stage.call({
        operation: 'bearer',
        target: responder.address.agentId,
        argument: token,
      });
      await call.ended();
      const shown = call.tap.events.filter(
        ({ from, packet }) => from === 'subject' && JSON.stringify(packet).includes(token),
      );
      equal(shown.length, 0, 'packets that show the token');
    },
  },
  {
    id: 'V60.pool',
    role,
    title: 'a pooled request goes to the pool, its retry too, and nothing to $share',
    requirements: ['P1', 'P2', 'RT11', 'T3'],
    operation: 'pool',
    offers: ['timing'],
    async run(stage) {
      const { responder, request, call } = await askedPool(stage, { firstReplyTimeoutMs: SHORT_MS });
      const again = await responder.next();
      for (const { packet } of [request, again]) ok(packet.topic.includes('/pool/pool-'), packet.topic);
      await responder.replyTask(again, COMPLETED, 'fine', { 'a2a-responder-agent-id': 'member' });
      await call.ended();
      deepEqual(
        call.tap.sent('publish').filter(({ topic }) => topic.startsWith('$share')),
        [],
      );
    },
  },
  {
    id: 'V60.pool-protocol-error',
    role,
    title: 'a pooled reply that names no responder is not taken for an answer',
    requirements: ['RQ6'],
    operation: 'pool',
    offers: ['timing', 'outcome'],
    extraMs: 10_000,
    async run(stage) {
      const { responder, request, call } = await askedPool(stage, { firstReplyTimeoutMs: SHORT_MS });
      await responder.replyTask(request, COMPLETED, 'nameless');
      const outcome = await call.outcome(20_000);
      ok(outcome.outcome !== 'completed', brief(outcome));
    },
  },
  {
    id: 'V60.pool-follow-up',
    role,
    title: 'after the responder of a pooled stream is known, GetTask goes to it directly',
    requirements: ['RQ7', 'RQ8', 'RT12', 'P10'],
    operation: 'pool',
    offers: ['timing'],
    extraMs: 5_000,
    async run(stage) {
      const member = await stage.fakeResponder();
      const { responder, request } = await askedPool(stage, { streamIdleTimeoutMs: SHORT_MS });
      const named = { 'a2a-responder-agent-id': member.address.agentId };
      await responder.replyTask(request, WORKING, undefined, named);
      const probe = await member.next();
      equal(probe.method, 'GetTask');
      equal(probe.taskId, request.taskId);
      await member.reply(probe, { result: taskOf(probe, COMPLETED) }, named);
      equal(responder.requests.length, 1, 'requests to the pool');
    },
  },
];

/** As `asked`, to a pool of its own whose only member is the kit. */
async function askedPool(stage: RequesterStage, init: Partial<CallInit>): Promise<Conversation> {
  const { org, unit, agentId: pool } = stage.address('pool');
  const responder = await stage.fakeResponder({ filter: `$a2a/v1/request/${org}/${unit}/pool/${pool}` });
  const call = await stage.call({ operation: 'pool', target: pool, ...init });
  const request = await responder.next(stage.options.timeoutMs * 4);
  return { responder, call, request };
}
