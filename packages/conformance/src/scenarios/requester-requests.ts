import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import type { IPublishPacket } from 'mqtt-packet';
import {
  A2A_ERRORS,
  a2aError,
  bindingError,
  clientIdOf,
  discoveryTopic,
  requestTopic,
  validateSendMessageRequest,
} from '@shoal/protocol';
import { at, isUuid4, propertyValues } from '../core/reply.ts';
import { topicMatches } from '../core/topic-match.ts';
import type { RequesterStage, RunningCall } from '../io/requester-stage.ts';
import { brief, COMPLETED } from './expectations.ts';
import type { RequesterScenario } from './scenario.ts';

const role = 'requester';

/** The requests as the subject wrote them. */
export function requestsOf({ tap }: RunningCall): IPublishPacket[] {
  return tap.sent('publish').filter(({ topic }) => topic.startsWith('$a2a/v1/request/'));
}

/** A call that is answered at once, seen to its end. */
async function answered(stage: RequesterStage, text = 'hello') {
  const responder = await stage.fakeResponder();
  const call = await stage.call({ target: responder.address.agentId, text });
  const request = await responder.next(stage.options.timeoutMs * 4);
  await responder.replyTask(request, COMPLETED, 'fine');
  await call.ended();
  const [packet] = requestsOf(call);
  ok(packet !== undefined);
  return { call, request, packet, responder };
}

/** Things that one answered call shows. */
function onRequest(
  id: string,
  title: string,
  requirements: readonly string[],
  check: (seen: Awaited<ReturnType<typeof answered>>, stage: RequesterStage) => void,
): RequesterScenario {
  return {
    id,
    role,
    title,
    requirements,
    async run(stage) {
      check(await answered(stage), stage);
    },
  };
}

const wellFormed: readonly RequesterScenario[] = [
  onRequest('S1.requester', 'the requester speaks MQTT 5', ['S1'], ({ call }) => {
    equal(call.tap.sent('connect')[0]?.protocolVersion, 5, 'protocol version of CONNECT');
  }),
  onRequest('S3.requester', 'its client id is org/unit/agent', ['S3', 'I1'], ({ call }) => {
    deepEqual(
      call.tap.sent('connect').map(({ clientId }) => clientId),
      [clientIdOf(call.address)],
    );
  }),
  onRequest(
    'V38.subscribed',
    'it publishes only after the SUBACK of the reply topic',
    ['S2', 'Q1'],
    ({ call, packet }) => {
      const responseTopic = packet.properties?.responseTopic ?? '';
      const { events } = call.tap;
      const published = events.findIndex(({ packet: one }) => one === packet);
      const acknowledged = events.findIndex(
        ({ from, packet: ack }) =>
          from === 'broker' &&
          ack.cmd === 'suback' &&
          call.tap
            .sent('subscribe')
            .some(
              ({ messageId, subscriptions }) =>
                messageId === ack.messageId &&
                subscriptions.some(({ topic, qos }) => topicMatches(topic, responseTopic) && qos >= 1),
            ),
      );
      ok(acknowledged !== -1, `a subscription with QoS 1 that covers ${responseTopic}`);
      ok(acknowledged < published, 'SUBACK before PUBLISH');
    },
  ),
  onRequest(
    'V38.topic',
    'the request goes to the target’s request topic with QoS 1, not retained',
    ['RR1', 'RQ3', 'T2', 'X19'],
    ({ packet, responder }) => {
      equal(packet.topic, requestTopic(responder.address));
      equal(packet.qos, 1, 'QoS');
      equal(packet.retain, false, 'retain');
    },
  ),
  onRequest('V38.reply-path', 'it carries Response Topic and Correlation Data', ['RR2'], ({ packet }) => {
    ok((packet.properties?.responseTopic ?? '') !== '', 'Response Topic');
    ok((packet.properties?.correlationData?.length ?? 0) > 0, 'Correlation Data');
  }),
  onRequest(
    'V38.reply-topic',
    'the reply topic is the requester’s own, with a suffix',
    ['RR6'],
    ({ packet, call }) => {
      const { org, unit, agentId } = call.address;
      const topic = packet.properties?.responseTopic ?? '';
      ok(topic.startsWith(`$a2a/v1/reply/${org}/${unit}/${agentId}/`), topic);
      ok(topic.split('/').length === 7 && topic.split('/')[6] !== '', topic);
    },
  ),
  onRequest('V38.message', 'it is a valid SendMessage', ['RQ9', 'U1'], ({ request, packet }) => {
    equal(at(request.json, 'jsonrpc'), '2.0');
    ok(['SendMessage', 'SendStreamingMessage'].includes(String(request.method)), String(request.method));
    const valid = validateSendMessageRequest(at(request.json, 'params'));
    deepEqual(valid.ok ? [] : valid.violations, [], 'violations of SendMessageRequest');
    for (const name of Object.keys(packet.properties?.userProperties ?? {}))
      ok(name.toLowerCase().startsWith('a2a-'), `user property ${name}`);
  }),
  onRequest(
    'V38.task-id',
    'a new task has a UUIDv4 that is not its correlation',
    ['RR8', 'RR7'],
    ({ request, packet }) => {
      const taskId = at(request.json, 'params', 'message', 'taskId');
      ok(isUuid4(taskId), `message.taskId ${brief(taskId)}`);
      const correlation = packet.properties?.correlationData?.toString() ?? '';
      notEqual(correlation.toLowerCase(), String(taskId).toLowerCase());
    },
  ),
  onRequest(
    'V38.context-id',
    'a new conversation has a UUIDv4 as contextId; a property agrees with it',
    ['C1', 'C8', 'RR12', 'C7'],
    ({ request, packet }) => {
      const contextId = at(request.json, 'params', 'message', 'contextId');
      ok(isUuid4(contextId), `message.contextId ${brief(contextId)}`);
      for (const value of propertyValues(packet, 'a2a-context-id')) equal(value, contextId);
    },
  ),
  onRequest('X9.requester', 'the request says that it is JSON', ['X9'], ({ packet }) => {
    equal(packet.properties?.contentType, 'application/json', 'content type');
  }),
  onRequest(
    'RT13.expiry',
    'a Message Expiry, if set, is longer than the first-reply timeout',
    ['RT13', 'ED4'],
    ({ packet }) => {
      ok((packet.properties?.messageExpiryInterval ?? 16) > 15, 'Message Expiry Interval');
    },
  ),
];

const errors = [
  {
    id: 'V42.push',
    error: a2aError('PushNotificationNotSupported', 'no'),
    named: undefined,
    retryable: false,
    requirement: 'EM5',
  },
  {
    id: 'V43.expired',
    error: bindingError('request_expired', 'late'),
    named: 'request_expired',
    retryable: true,
    requirement: 'EM5',
  },
  {
    id: 'V44.busy',
    error: bindingError('responder_unavailable', 'busy'),
    named: 'responder_unavailable',
    retryable: true,
    requirement: 'EM5',
  },
  {
    id: 'V45.protocol',
    error: bindingError('transport_protocol_error', 'bad'),
    named: 'transport_protocol_error',
    retryable: false,
    requirement: 'EM6',
  },
  {
    id: 'V45.content',
    error: a2aError('ContentTypeNotSupported', 'no'),
    named: undefined,
    retryable: false,
    requirement: 'EM6',
  },
].map(({ id, error, named, retryable, requirement }): RequesterScenario => ({
  id: `${id}-reported`,
  role,
  title: `error ${error.code}${named === undefined ? ' of A2A' : ` ${named}`} ends the call as ${retryable ? 'retryable' : 'final'}, told from the other meaning of its number`,
  requirements: [requirement, 'RT6'],
  offers: ['outcome'],
  async run(stage) {
    const responder = await stage.fakeResponder();
    const call = await stage.call({ target: responder.address.agentId });
    await responder.reply(await responder.next(stage.options.timeoutMs * 4), { error });
    const outcome = await call.outcome();
    equal(outcome.outcome, 'error', brief(outcome));
    equal(outcome.code, error.code);
    equal(outcome.retryable, retryable, `retryable of ${brief(outcome)}`);
    if (named !== undefined) equal(outcome.error, named);
    else notEqual(outcome.error, Object.keys(A2A_ERRORS).length > 0 ? 'transport_protocol_error' : '');
    equal(responder.requests.length, 1, 'publishes of the request');
  },
}));

export const requesterRequests: readonly RequesterScenario[] = [
  ...wellFormed,
  ...errors,
  {
    id: 'S4.suffixes',
    role,
    title: 'two calls have different reply topics, with suffixes that are hard to hit by chance',
    requirements: ['S4', 'RQ2', 'M1'],
    async run(stage) {
      const [one, two] = [await answered(stage), await answered(stage)];
      const suffix = (packet: IPublishPacket): string =>
        packet.properties?.responseTopic?.split('/').at(-1) ?? '';
      notEqual(suffix(one.packet), suffix(two.packet));
      for (const { packet } of [one, two]) ok(suffix(packet).length >= 8, `suffix ${suffix(packet)}`);
      ok(
        !one.packet.properties?.correlationData?.equals(
          two.packet.properties?.correlationData ?? Buffer.alloc(0),
        ),
      );
      const ids = [one, two].map(({ request }) => at(request.json, 'params', 'message', 'taskId'));
      notEqual(ids[0], ids[1], 'task ids');
    },
  },
  {
    id: 'RT6.one-publish',
    role,
    title: 'a request that is answered is published once',
    requirements: ['RT6'],
    async run(stage) {
      const { call } = await answered(stage);
      equal(requestsOf(call).length, 1, 'publishes of the request');
    },
  },
  {
    id: 'V42.no-retry',
    role,
    title: 'a request that is answered by an error is not published again by itself',
    requirements: ['RT6', 'EM6'],
    async run(stage) {
      const responder = await stage.fakeResponder();
      const call = await stage.call({ target: responder.address.agentId });
      const request = await responder.next(stage.options.timeoutMs * 4);
      await responder.reply(request, { error: bindingError('transport_protocol_error', 'bad') });
      await call.ended();
      equal(requestsOf(call).length, 1, 'publishes of the request');
    },
  },
  {
    id: 'V13.advisory',
    role,
    title: 'a card that says offline does not keep a request from being sent',
    requirements: ['PS2', 'PS3'],
    offers: ['outcome'],
    async run(stage) {
      const responder = await stage.fakeResponder();
      const topic = discoveryTopic(responder.address);
      await responder.wire.publish(topic, offlineCard(responder.address.agentId), {
        retain: true,
        properties: { userProperties: { 'a2a-status': 'offline', 'a2a-status-source': 'lwt' } },
      });
      stage.onEnd(() => responder.wire.publish(topic, '', { retain: true }));
      const call = await stage.call({ target: responder.address.agentId });
      await responder.replyTask(await responder.next(stage.options.timeoutMs * 4), COMPLETED, 'fine');
      equal((await call.outcome()).outcome, 'completed');
    },
  },
  {
    id: 'V36.unknown',
    role,
    title: 'replies with unknown or without Correlation Data are ignored',
    requirements: ['RQ5', 'RQ1'],
    offers: ['outcome'],
    async run(stage) {
      const responder = await stage.fakeResponder();
      const call = await stage.call({ target: responder.address.agentId });
      const request = await responder.next(stage.options.timeoutMs * 4);
      const wrong = JSON.stringify({
        jsonrpc: '2.0',
        id: request.id,
        error: { code: -32603, message: 'wrong' },
      });
      await responder.replyRaw(request, wrong, Buffer.from('somebody else'));
      await responder.replyRaw(request, wrong, undefined);
      await responder.replyTask(request, COMPLETED, 'right');
      const outcome = await call.outcome();
      equal(outcome.outcome, 'completed', brief(outcome));
      ok(String(outcome.text).includes('right'), brief(outcome));
    },
  },
  {
    id: 'V37.reverse',
    role,
    title: 'two requests in flight that are answered in reverse each get their own answer',
    requirements: ['RQ1', 'RQ2'],
    operation: 'parallel',
    offers: ['outcome'],
    async run(stage) {
      const responder = await stage.fakeResponder();
      const call = await stage.call({
        operation: 'parallel',
        target: responder.address.agentId,
        text: 'one',
        argument: 'two',
      });
      const first = await responder.next(stage.options.timeoutMs * 4);
      const second = await responder.next();
      ok(
        !first.packet.properties?.correlationData?.equals(
          second.packet.properties?.correlationData ?? Buffer.alloc(0),
        ) || first.packet.properties.responseTopic !== second.packet.properties?.responseTopic,
        'correlations differ',
      );
      for (const request of [second, first])
        await responder.replyTask(
          request,
          COMPLETED,
          `for ${String(at(request.json, 'params', 'message', 'parts', 0, 'text'))}`,
        );
      const texts = (await call.outcomes()).map(({ text }) => String(text));
      deepEqual(
        texts.map((text) => /for (one|two)/.exec(text)?.[1]),
        ['one', 'two'],
        'texts in the order of the requests',
      );
    },
  },
  {
    id: 'V15.identifier',
    role,
    title: 'a target whose id is no identifier is refused before anything is published',
    requirements: ['I1'],
    async run(stage) {
      for (const target of ['two words', 'a/b', '+', 'é']) {
        const call = await stage.call({ target, firstReplyTimeoutMs: 300 });
        await call.ended().catch(() => 'late');
        deepEqual(
          requestsOf(call).map(({ topic }) => topic),
          [],
          `requests to ${target}`,
        );
      }
    },
  },
];

export function offlineCard(agentId: string): string {
  return JSON.stringify({
    name: agentId,
    description: 'A card of the conformance kit.',
    version: '1.0.0',
    supportedInterfaces: [
      { url: 'mqtt://127.0.0.1:1883', protocolBinding: 'MQTTv5+JSONRPCv2', protocolVersion: '1.0' },
    ],
    capabilities: { streaming: true },
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: [{ id: 's', name: 'Skill', description: 'A skill.', tags: ['conformance'] }],
  });
}
