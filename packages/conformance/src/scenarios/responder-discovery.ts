import { deepEqual, equal, ok } from 'node:assert/strict';
import type { IPublishPacket } from 'mqtt-packet';
import { clientIdOf, discoveryTopic, requestTopic, validateAgentCard } from '@shoal/protocol';
import { parse } from '../io/client.ts';
import type { RunningResponder, ResponderStage } from '../io/responder-stage.ts';
import { at, propertyValues } from '../core/reply.ts';
import { topicMatches } from '../core/topic-match.ts';
import { assertServes, completes, send } from './expectations.ts';
import type { ResponderScenario } from './scenario.ts';

const role = 'responder';

/** Publishes of the agent to its own discovery topic, as it wrote them: a broker may change the status on the way. */
function cards({ tap, address }: RunningResponder): IPublishPacket[] {
  return tap.sent('publish').filter(({ topic }) => topic === discoveryTopic(address));
}

async function firstCard(stage: ResponderStage, running = stage.running): Promise<IPublishPacket> {
  const topic = discoveryTopic(running.address);
  const { packet } = await running.tap.until(
    `card on ${topic}`,
    ({ from, packet }) => from === 'subject' && packet.cmd === 'publish' && packet.topic === topic,
    stage.options.timeoutMs,
  );
  return packet as IPublishPacket;
}

function connectOf({ tap }: RunningResponder) {
  const [connect] = tap.sent('connect');
  ok(connect !== undefined);
  return connect;
}

const status = (packet: IPublishPacket): string | undefined => propertyValues(packet, 'a2a-status')[0];
const source = (packet: IPublishPacket): string | undefined => propertyValues(packet, 'a2a-status-source')[0];

export const responderDiscovery: readonly ResponderScenario[] = [
  {
    id: 'V01.retained',
    role,
    title: 'the card is retained on the discovery topic: a late subscriber gets it',
    requirements: ['T1', 'DI2', 'Q1'],
    async run(stage) {
      await firstCard(stage);
      const watcher = await stage.watch(discoveryTopic(stage.target));
      const card = await watcher.until('retained card for a late subscriber');
      equal(card.retain, true, 'the card is delivered as retained');
      equal(typeof parse(card.payload), 'object', 'the card is JSON');
    },
  },
  {
    id: 'V01.qos',
    role,
    title: 'the card is published with QoS 1',
    requirements: ['DP1'],
    async run(stage) {
      equal((await firstCard(stage)).qos, 1);
    },
  },
  {
    id: 'V01.online',
    role,
    title: 'the card is published as online',
    requirements: ['PL1'],
    async run(stage) {
      equal(status(await firstCard(stage)), 'online', 'user property a2a-status');
    },
  },
  {
    id: 'V01.source',
    role,
    title: 'the card says that the status is the agent’s own word',
    requirements: ['PL2'],
    async run(stage) {
      equal(source(await firstCard(stage)), 'agent', 'user property a2a-status-source');
    },
  },
  {
    id: 'V14.schema',
    role,
    title: 'the card is a valid Agent Card of A2A 1.0 with an interface for MQTT',
    requirements: ['A1'],
    async run(stage) {
      const card = parse((await firstCard(stage)).payload);
      const valid = validateAgentCard(card);
      deepEqual(valid.ok ? [] : valid.violations, [], 'violations of the Agent Card schema');
      const versions = (card as { supportedInterfaces: { protocolVersion: string }[] }).supportedInterfaces;
      ok(
        versions.some(({ protocolVersion }) => protocolVersion === '1.0'),
        `protocolVersion is Major.Minor (A2A §3.6): ${versions.map(({ protocolVersion }) => protocolVersion).join(', ')}`,
      );
    },
  },
  {
    id: 'V02.will',
    role,
    title: 'the will is the card: same topic, retained, QoS 1, offline by lwt',
    requirements: ['LW1'],
    async run(stage) {
      const card = await firstCard(stage);
      const { will } = connectOf(stage.running);
      ok(will !== undefined, 'CONNECT has a will');
      equal(will.topic, discoveryTopic(stage.target));
      equal(will.retain, true, 'will retain');
      equal(will.qos, 1, 'will QoS');
      deepEqual(
        [
          will.properties?.userProperties?.['a2a-status'],
          will.properties?.userProperties?.['a2a-status-source'],
        ],
        ['offline', 'lwt'],
        'user properties of the will',
      );
      const name = at(parse(card.payload), 'name');
      ok(
        name !== undefined && at(parse(will.payload), 'name') === name,
        'the payload of the will is the card',
      );
    },
  },
  {
    id: 'S1.responder',
    role,
    title: 'the agent speaks MQTT 5',
    requirements: ['S1'],
    run(stage) {
      equal(connectOf(stage.running).protocolVersion, 5, 'protocol version of CONNECT');
      return Promise.resolve();
    },
  },
  {
    id: 'S3.responder',
    role,
    title: 'its client id is org/unit/agent',
    requirements: ['S3', 'I1'],
    run(stage) {
      equal(connectOf(stage.running).clientId, clientIdOf(stage.target));
      return Promise.resolve();
    },
  },
  {
    id: 'RS1.topic',
    role,
    title: 'it subscribes to its own request topic with QoS 1',
    requirements: ['RS1', 'T2', 'Q1'],
    run(stage) {
      const topic = requestTopic(stage.target);
      const subscription = stage.running.tap
        .sent('subscribe')
        .flatMap(({ subscriptions }) => subscriptions)
        .find((candidate) => topicMatches(candidate.topic, topic));
      equal(subscription?.topic, topic, 'the subscription is to the own topic alone');
      ok((subscription?.qos ?? 0) >= 1, 'QoS of the subscription');
      return Promise.resolve();
    },
  },
  {
    id: 'V03.lost',
    role,
    title: 'a killed agent is seen offline, by a subscriber and by one who comes later',
    requirements: ['LW1'],
    fresh: true,
    async run(stage) {
      await firstCard(stage);
      const topic = discoveryTopic(stage.target);
      const watcher = await stage.watch(topic);
      const before = await watcher.until('card');
      stage.running.subject.kill();
      // A broker that manages the status goes by the connection, and need not tell those who listen already.
      const isManaged = ['broker', 'emqx'].includes(source(before) ?? '');
      if (!isManaged)
        await watcher.until('offline card after the kill', (packet) => status(packet) === 'offline');
      const deadline = performance.now() + stage.options.timeoutMs;
      for (;;) {
        const card = await (await stage.watch(topic)).until('retained card after the kill');
        if (status(card) === 'offline') return;
        ok(isManaged && performance.now() < deadline, `a2a-status ${status(card)} of the retained card`);
      }
    },
  },
  {
    id: 'V04.graceful',
    role,
    title: 'a stopped agent publishes its card as offline by itself, then disconnects without its will',
    requirements: ['LW3'],
    fresh: true,
    async run(stage) {
      await firstCard(stage);
      await assertServes(stage, await stage.requester());
      await stage.running.subject.stop(stage.options.timeoutMs);
      const last = cards(stage.running).at(-1);
      ok(last !== undefined);
      deepEqual(
        [status(last), source(last)],
        ['offline', 'agent'],
        'status of the last card that it published',
      );
      equal(last.retain, true);
      ok((last.payload.length ?? 0) > 0, 'the whole card is published again');
      const [bye] = stage.running.tap.sent('disconnect');
      equal(bye?.reasonCode ?? (bye === undefined ? undefined : 0), 0, 'DISCONNECT with reason code 0');
    },
  },
  {
    id: 'V05.back',
    role,
    title: 'an agent that is started again after a kill says online again',
    requirements: ['PL1', 'DP3'],
    fresh: true,
    async run(stage) {
      await firstCard(stage);
      stage.running.subject.kill();
      await stage.running.subject.exited;
      const heir = await stage.another({ variant: 'plain', address: stage.target });
      equal(status(await firstCard(stage, heir)), 'online');
      const client = await stage.requester();
      await completes(client.request(stage.target, send('back?')));
    },
  },
  {
    id: 'S5.responder',
    role,
    title: 'a lost connection is opened again: the card is online and requests are served',
    requirements: ['S5'],
    fresh: true,
    extraMs: 10_000,
    async run(stage) {
      await firstCard(stage);
      const before = stage.running.tap.events.length;
      stage.running.tap.cut();
      await stage.running.tap.until(
        'card after the loss of the connection',
        ({ from, packet }) =>
          from === 'subject' &&
          packet.cmd === 'publish' &&
          packet.topic === discoveryTopic(stage.target) &&
          status(packet) === 'online',
        stage.options.timeoutMs + 5_000,
        before,
      );
      const client = await stage.requester();
      await completes(client.request(stage.target, send('back?')));
    },
  },
];
