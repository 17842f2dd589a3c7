import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import type { IPublishPacket } from 'mqtt-packet';
import { discoveryTopic, replyTopic, requestTopic, type AgentAddress } from '@shoal/protocol';
import { NotRun } from '../core/conformance-error.ts';
import { propertyValues } from '../core/reply.ts';
import type { BrokerStage } from '../io/broker-stage.ts';
import { Watcher } from '../io/stage.ts';
import type { Wire } from '../io/wire.ts';
import { offlineCard } from './requester-requests.ts';
import type { BrokerScenario } from './scenario.ts';

const role = 'broker';

const statusProperties = (status: string, source: string) => ({
  'a2a-status': status,
  'a2a-status-source': source,
});
const statusOf = (packet: IPublishPacket): string | undefined => propertyValues(packet, 'a2a-status')[0];

async function watchWith(
  stage: BrokerStage,
  wire: Wire,
  filter: string,
  options: { qos?: 0 | 1 } = {},
): Promise<Watcher & { granted: number[] }> {
  const watcher = new Watcher(stage.options.timeoutMs);
  const granted = await wire.subscribe(filter, (packet) => watcher.push(packet), options);
  return Object.assign(watcher, { granted });
}

/** Brokers that count whole seconds and look each second for what has expired may have it for two seconds more. */
const SWEEP_MS = 3_000;

/** Whether new subscribers still get what is retained at a topic when the time is up. */
async function outlives(stage: BrokerStage, topic: string, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms;
  for (;;) {
    const last = performance.now() >= deadline;
    const watcher = await stage.watch(topic);
    await stage.quiet();
    if (watcher.seen.length === 0) return false;
    if (last) return true;
  }
}

/** An agent with a card on the broker; the card is taken away after the scenario. */
async function registered(stage: BrokerStage, init: { willDelaySeconds?: number } = {}) {
  const address = stage.address('agent');
  const topic = discoveryTopic(address);
  const card = offlineCard(address.agentId);
  const will = {
    topic,
    payload: Buffer.from(card),
    qos: 1 as const,
    retain: true,
    properties: {
      contentType: 'application/json',
      userProperties: statusProperties('offline', 'lwt'),
      ...(init.willDelaySeconds === undefined ? {} : { willDelayInterval: init.willDelaySeconds }),
    },
  };
  const wire = await stage.agent(address, { will });
  await wire.publish(topic, card, {
    retain: true,
    properties: { contentType: 'application/json', userProperties: statusProperties('online', 'agent') },
  });
  stage.onEnd(() => cleanUp(stage, address));
  return { address, topic, card, wire };
}

async function cleanUp(stage: BrokerStage, address: AgentAddress): Promise<void> {
  const wire = await stage.agent(address);
  await wire.publish(discoveryTopic(address), '', { retain: true });
}

const properties: readonly BrokerScenario[] = [
  {
    id: 'B01.qos1',
    role,
    title: 'QoS 1 works on discovery, request and reply topics',
    requirements: ['Q1'],
    async run(stage) {
      const { address, wire } = await registered(stage);
      const other = await stage.wire();
      for (const topic of [discoveryTopic(address), requestTopic(address), replyTopic(address, 'suffix')]) {
        const watcher = await watchWith(stage, other, topic);
        equal(watcher.granted[0], 1, `QoS granted for ${topic}`);
        const isCard = topic === discoveryTopic(address);
        const payload = isCard ? offlineCard(address.agentId) : 'hello';
        const code = await wire.publish(topic, payload, { retain: isCard });
        ok(code < 0x80, `PUBACK 0x${code.toString(16)}`);
        const seen = await watcher.until(`message on ${topic}`, ({ retain }) => !retain);
        equal(seen.qos, 1, `QoS of the delivery on ${topic}`);
      }
    },
  },
  {
    id: 'B02.client-id',
    role,
    title: 'client ids may be org/unit/agent: 3 levels and up to 23 characters or more',
    requirements: ['S3'],
    async run(stage) {
      const address = { ...stage.address('agent'), agentId: `agent-${'x'.repeat(60)}` };
      equal((await stage.agent(address)).connack.reasonCode, 0);
    },
  },
  {
    id: 'B03.request-reply',
    role,
    title:
      'Response Topic, binary Correlation Data, content type and payload format arrive as they were sent',
    requirements: ['X12'],
    async run(stage) {
      const address = stage.address('agent');
      const watcher = await stage.watch(requestTopic(address));
      const wire = await stage.wire();
      const sent = {
        payloadFormatIndicator: true,
        contentType: 'application/json',
        responseTopic: replyTopic(address, 'suffix'),
        correlationData: Buffer.from('fffe008000', 'hex'),
      };
      await wire.publish(requestTopic(address), '{}', { properties: sent });
      const { properties: seen } = await watcher.until('request');
      deepEqual(
        [
          seen?.payloadFormatIndicator,
          seen?.contentType,
          seen?.responseTopic,
          seen?.correlationData?.toString('hex'),
        ],
        [true, 'application/json', sent.responseTopic, 'fffe008000'],
      );
    },
  },
  {
    id: 'B03.large-correlation',
    role,
    title: 'Correlation Data of 60 000 bytes arrives whole',
    requirements: ['X12'],
    async run(stage) {
      const address = stage.address('agent');
      const watcher = await stage.watch(requestTopic(address));
      const correlationData = randomBytes(60_000);
      const wire = await stage.wire();
      await wire.publish(requestTopic(address), '{}', { properties: { correlationData } });
      ok((await watcher.until('request')).properties?.correlationData?.equals(correlationData));
    },
  },
  {
    id: 'B04.user-properties',
    role,
    title: 'user properties arrive with all values of a name, in their order',
    requirements: ['X18'],
    async run(stage) {
      const address = stage.address('agent');
      const watcher = await stage.watch(requestTopic(address));
      const userProperties = { 'a2a-b': ['2', '1', '3'], 'a2a-a': 'é' };
      const wire = await stage.wire();
      await wire.publish(requestTopic(address), '{}', { properties: { userProperties } });
      const seen = await watcher.until('request');
      deepEqual(propertyValues(seen, 'a2a-b'), ['2', '1', '3']);
      deepEqual(propertyValues(seen, 'a2a-a'), ['é']);
    },
  },
  {
    id: 'B05.order',
    role,
    title: '500 stream items of one connection arrive in their order, each once',
    requirements: ['X17'],
    async run(stage) {
      const topic = replyTopic(stage.address('agent'), 'suffix');
      const watcher = await stage.watch(topic);
      const wire = await stage.wire();
      const count = 500;
      await Promise.all(Array.from({ length: count }, (_, n) => wire.publish(topic, String(n))));
      await watcher.until('last item', ({ payload }) => payload.toString() === String(count - 1));
      deepEqual(
        watcher.seen.map(({ payload }) => Number(payload.toString())),
        Array.from({ length: count }, (_, n) => n),
      );
    },
  },
];

const retained: readonly BrokerScenario[] = [
  {
    id: 'B06.retained',
    role,
    title: 'a retained card is there for a late subscriber, with payload and properties, marked as retained',
    requirements: ['X12', 'Q1'],
    async run(stage) {
      const { topic, card } = await registered(stage);
      const watcher = await stage.watch(topic);
      const seen = await watcher.until('retained card');
      equal(seen.retain, true, 'the retain flag');
      equal(seen.payload.toString(), card);
      equal(seen.properties?.contentType, 'application/json');
      equal(statusOf(seen), 'online');
    },
  },
  {
    id: 'B06.scoped-filter',
    role,
    title: 'a subscription to {org}/{unit}/+ gets the cards of the unit, and no others',
    requirements: ['X12'],
    async run(stage) {
      const { topic } = await registered(stage);
      const { org, unit } = stage.options;
      const watcher = await stage.watch(`$a2a/v1/discovery/${org}/${unit}/+`);
      await watcher.until('card of the unit', (packet) => packet.topic === topic);
      ok(watcher.seen.every((packet) => packet.topic.startsWith(`$a2a/v1/discovery/${org}/${unit}/`)));
    },
  },
  {
    id: 'B06.delete',
    role,
    title: 'an empty retained publish deletes the card: subscribers hear of it, later ones get nothing',
    requirements: ['X12'],
    async run(stage) {
      const { topic, wire } = await registered(stage);
      const watcher = await stage.watch(topic);
      await watcher.until('card');
      await wire.publish(topic, '', { retain: true });
      await watcher.until('empty message', ({ payload }) => payload.length === 0);
      const late = await stage.watch(topic);
      await stage.quiet();
      equal(late.seen.length, 0, 'messages for a late subscriber');
    },
  },
  {
    id: 'B06.replace',
    role,
    title: 'a later card replaces the earlier one, for subscribers and for those who come later',
    requirements: ['X12'],
    async run(stage) {
      const { topic, wire, card } = await registered(stage);
      const watcher = await stage.watch(topic);
      const changed = card.replace('A card of', 'A changed card of');
      const isChanged = ({ payload }: IPublishPacket): boolean => payload.toString() === changed;
      const userProperties = statusProperties('online', 'agent');
      await wire.publish(topic, changed, { retain: true, properties: { userProperties } });
      await watcher.until('changed card', isChanged);
      const late = await stage.watch(topic);
      ok(isChanged(await late.until('retained card')));
    },
  },
  {
    id: 'B07.dollar',
    role,
    title: 'subscriptions to # and +/… do not get $a2a topics',
    requirements: ['X13'],
    async run(stage) {
      const address = stage.address('agent');
      const topic = requestTopic(address);
      const wire = await stage.wire();
      // A retained one too: some brokers mind the rule for live messages only.
      await wire.publish(topic, 'kept', { retain: true });
      stage.onEnd(() => wire.publish(topic, '', { retain: true }));
      const all = await stage.watch('#');
      const plus = await stage.watch('+/v1/request/#');
      const own = await stage.watch(topic);
      await wire.publish(topic, 'hello');
      await own.until('message', ({ payload }) => payload.toString() === 'hello');
      await stage.quiet();
      for (const watcher of [all, plus])
        deepEqual(
          watcher.seen.filter((packet) => packet.topic.startsWith('$a2a')).map(({ topic }) => topic),
          [],
        );
    },
  },
];

/** The first of two connections with one client id, after its end. */
async function takenOver(stage: BrokerStage): Promise<Wire> {
  const address = stage.address('agent');
  const first = await stage.agent(address);
  await stage.agent(address);
  const late = new Promise<string>((resolve) => setTimeout(resolve, stage.options.timeoutMs, 'open'));
  notEqual(await Promise.race([first.closed.then(() => 'closed'), late]), 'open', 'the first connection');
  return first;
}

const sessions: readonly BrokerScenario[] = [
  {
    id: 'B08.will',
    role,
    title: 'a lost connection publishes the will: it replaces the retained card, and subscribers hear of it',
    requirements: ['LW2'],
    async run(stage) {
      const { topic, wire } = await registered(stage);
      const watcher = await stage.watch(topic);
      await watcher.until('card');
      wire.destroy();
      await watcher.until('offline', (packet) => statusOf(packet) === 'offline');
      const late = await stage.watch(topic);
      const card = await late.until('retained card');
      equal(statusOf(card), 'offline');
      equal(card.retain, true);
    },
  },
  {
    id: 'B08.no-will',
    role,
    title: 'a DISCONNECT with reason 0 drops the will; with reason 4 the will is sent',
    requirements: ['LW2'],
    async run(stage) {
      const topic = `conformance/${randomUUID()}`;
      const watcher = await stage.watch(topic);
      const will = { topic, payload: Buffer.from('lost'), qos: 1 as const, retain: false };
      await (await stage.wire({ will })).close();
      await stage.quiet();
      equal(watcher.seen.length, 0, 'wills after a clean end');
      await (await stage.wire({ will })).close(4);
      await watcher.until('will after reason code 4');
    },
  },
  {
    id: 'B09.session',
    role,
    title: 'a session with an expiry keeps QoS 1 requests while its client is away',
    requirements: ['X15'],
    async run(stage) {
      const address = stage.address('agent');
      const first = await stage.agent(address, { sessionExpirySeconds: 60 });
      await first.subscribe(requestTopic(address), () => undefined);
      await first.close();
      const wire = await stage.wire();
      await wire.publish(requestTopic(address), 'while you were away');
      const back = await stage.agent(address, { clean: false, sessionExpirySeconds: 60 });
      const watcher = new Watcher(stage.options.timeoutMs);
      back.listen(requestTopic(address), (packet) => watcher.push(packet));
      equal(back.connack.sessionPresent, true, 'session present');
      equal((await watcher.until('kept request')).payload.toString(), 'while you were away');
    },
  },
  {
    id: 'B10.takeover',
    role,
    title: 'a second connection with the same client id ends the first',
    requirements: ['X16'],
    async run(stage) {
      await takenOver(stage);
    },
  },
  {
    id: 'B10.reason',
    role,
    title: 'the first is told so by DISCONNECT 0x8E',
    requirements: ['X21'],
    async run(stage) {
      equal((await takenOver(stage)).disconnectReason, 0x8e, 'reason code of DISCONNECT');
    },
  },
  {
    id: 'B11.expiry',
    role,
    title: 'a message that expired is not delivered; one that did not arrives with what is left of its time',
    requirements: ['X14'],
    extraMs: 5_000,
    async run(stage) {
      const topic = requestTopic(stage.address('agent'));
      const wire = await stage.wire();
      await wire.publish(topic, 'kept', { retain: true, properties: { messageExpiryInterval: 100 } });
      stage.onEnd(() => wire.publish(topic, '', { retain: true }));
      const short = `${topic}-short`;
      await wire.publish(short, 'gone', { retain: true, properties: { messageExpiryInterval: 1 } });
      await new Promise((resolve) => setTimeout(resolve, 2_100));
      const kept = await (await stage.watch(topic)).until('message within its time');
      const left = kept.properties?.messageExpiryInterval ?? 0;
      ok(left < 100 && left > 90, `Message Expiry Interval ${left}`);
      equal(await outlives(stage, short, SWEEP_MS), false, 'an expired message is delivered');
    },
  },
  {
    id: 'B12.no-subscriber',
    role,
    title: 'PUBACK says 0x10 when nobody subscribes, and 0 when somebody does',
    requirements: ['Q2'],
    async run(stage) {
      const topic = requestTopic(stage.address('agent'));
      const wire = await stage.wire();
      equal(await wire.publish(topic, 'hello'), 0x10, 'reason code without a subscriber');
      await stage.watch(topic);
      equal(await wire.publish(topic, 'hello'), 0, 'reason code with a subscriber');
    },
  },
];

const acknowledgements: readonly BrokerScenario[] = [
  {
    id: 'B12.puback',
    role,
    title: 'PUBACK for a message with user properties has a reason code that MQTT 5 knows',
    requirements: ['Q1'],
    async run(stage) {
      const topic = requestTopic(stage.address('agent'));
      const wire = await stage.wire();
      await stage.watch(topic);
      const userProperties = { 'a2a-version': '1.0' };
      const code = await wire.publish(topic, 'hello', { properties: { userProperties } });
      ok([0, 0x10].includes(code), `reason code 0x${code.toString(16)} (MQTT 5 §3.4.2.1)`);
    },
  },
];

const shared: readonly BrokerScenario[] = [
  {
    id: 'B13.shared',
    role,
    title: 'a shared subscription to a pool topic delivers each request to one of its members',
    requirements: ['P12'],
    async run(stage) {
      const { org, unit } = stage.options;
      const topic = `$a2a/v1/request/${org}/${unit}/pool/${stage.address('pool').agentId}`;
      const members = [await stage.watch(`$share/g/${topic}`), await stage.watch(`$share/g/${topic}`)];
      const wire = await stage.wire();
      const count = 20;
      for (let n = 0; n < count; n += 1) await wire.publish(topic, String(n));
      const deadline = performance.now() + stage.options.timeoutMs;
      const seen = (): string[] =>
        members.flatMap((member) => member.seen.map(({ payload }) => payload.toString()));
      while (seen().length < count && performance.now() < deadline) await stage.quiet();
      await stage.quiet();
      deepEqual(
        seen()
          .map(Number)
          .toSorted((a, b) => a - b),
        Array.from({ length: count }, (_, n) => n),
        'each request once',
      );
    },
  },
];

/** A broker that sets the status says so by the source; others do not take part in this. */
async function managed(stage: BrokerStage) {
  const agent = await registered(stage);
  const watcher = await stage.watch(agent.topic);
  const card = await watcher.until('card');
  const sources = propertyValues(card, 'a2a-status-source');
  if (!sources.some((source) => source === 'broker' || source === 'emqx'))
    throw new NotRun('the broker does not manage the status of agents');
  return { ...agent, card, sources };
}

const status: readonly BrokerScenario[] = [
  {
    id: 'B14.online',
    role,
    title:
      'the broker says online for a connected agent, with source broker, in place of what the agent said',
    requirements: ['BS1', 'BS2'],
    async run(stage) {
      const { card, sources } = await managed(stage);
      deepEqual(propertyValues(card, 'a2a-status'), ['online']);
      deepEqual(sources, ['broker'], 'a2a-status-source');
    },
  },
  {
    id: 'B14.offline',
    role,
    title: 'and offline for one that left without a word, to those who ask afterwards',
    requirements: ['BS2', 'BS3'],
    async run(stage) {
      const { topic, wire, address } = await managed(stage);
      await wire.close();
      const deadline = performance.now() + stage.options.timeoutMs;
      for (;;) {
        const seen = await (await stage.watch(topic)).until(`card of ${address.agentId}`);
        if (statusOf(seen) === 'offline') return;
        ok(performance.now() < deadline, `a2a-status ${statusOf(seen)} after the end of the connection`);
      }
    },
  },
];

export const brokerScenarios: readonly BrokerScenario[] = [
  ...properties,
  ...retained,
  ...sessions,
  ...acknowledgements,
  ...shared,
  ...status,
];
