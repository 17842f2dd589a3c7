import type { IPubackPacket, IPublishPacket, UserProperties } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';

import { userProperty } from '../src/core/codec/encode.ts';
import { Registry, type RegistryOptions } from '../src/core/registry/registry.ts';
import { findCards, type CardQuery } from '../src/core/registry/directory.ts';
import type { Session } from '../src/core/session.ts';
import { cardText } from './cards.ts';
import { createHarness, properties, will, type FakeClient, type Harness } from './engine-harness.ts';

const TOPIC = '$a2a/v1/discovery/o/u/pump';
const OWNER = 'o/u/pump';
const card = (version = '1'): string => cardText({ version });

function withRegistry(options: Partial<RegistryOptions> = {}): Harness {
  const sessions = new Map<string, Session>();
  const registry = new Registry({
    enabled: true,
    validateSchema: true,
    profile: 'shoal',
    pushPresence: true,
    maxCardBytes: 65_536,
    maxCardUpdatesPerMinute: 0,
    isConnected: (clientId) => sessions.get(clientId)?.connection !== undefined,
    ...options,
  });
  return createHarness({ registry, sessions });
}

const userProperties = (...pairs: [string, string][]): Buffer =>
  Buffer.concat(pairs.map(([name, value]) => userProperty(name, value)));
const saying = (status: string, source: string) => ({
  retain: true,
  properties: properties({
    bytes: userProperties(['first', '1'], ['a2a-status', status], ['a2a-status-source', source]),
  }),
});

function statuses(client: FakeClient): unknown[] {
  return (client.port.take('publish') as IPublishPacket[]).map((packet) => {
    const user = packet.properties?.userProperties as UserProperties;
    return `${String(user['a2a-status'])}/${String(user['a2a-status-source'])}`;
  });
}

const ack = (client: FakeClient): IPubackPacket => client.port.take('puback').at(-1) as IPubackPacket;

function watcherOf(harness: Harness): FakeClient {
  const watcher = harness.connect('watcher');
  watcher.subscribe('$a2a/v1/discovery/+/+/+');
  return watcher;
}

describe('registration', () => {
  it.each([
    ['without the retain flag', TOPIC, OWNER, card(), false, 0x87, /^R1 retain/],
    ['with an id that is none', '$a2a/v1/discovery/o/u/p p', 'o/u/p p', card(), true, 0x87, /^R2 agentId/],
    [
      'with the reserved id pool',
      '$a2a/v1/discovery/o/u/pool',
      'o/u/pool',
      card(),
      true,
      0x87,
      /^R2 agentId/,
    ],
    [
      'from another client id',
      TOPIC,
      'other',
      card(),
      true,
      0x87,
      /^R3 client identifier: must be o\/u\/pump/,
    ],
    ['that is not JSON', TOPIC, OWNER, '{', true, 0x99, /^R5 payload/],
    ['that lacks a field', TOPIC, OWNER, '{"name":"x"}', true, 0x99, /^R5 description/],
    ['that is too large', TOPIC, OWNER, `"${'x'.repeat(70_000)}"`, true, 0x97, /^R6 payload/],
  ])('refuses a card %s', (_what, topic, clientId, payload, retain, reasonCode, reason) => {
    const harness = withRegistry();
    const agent = harness.connect(clientId);
    agent.publish(topic, payload, { retain });
    const answer = ack(agent);
    expect(answer.reasonCode).toBe(reasonCode);
    expect(answer.properties?.reasonString).toMatch(reason);
    expect(harness.engine.context.retained.count).toBe(0);
  });

  it('refuses a will that could never become a card at CONNECT', () => {
    const refused = withRegistry().connect('other', { will: will(TOPIC, card(), { retain: true }) });
    expect(refused.port.take('connack')).toMatchObject([{ reasonCode: 0x87 }]);
  });

  it('takes a valid card and lets its owner delete it', () => {
    const harness = withRegistry();
    const agent = harness.connect(OWNER);
    agent.publish(TOPIC, card(), { retain: true });
    expect(ack(agent).reasonCode).toBe(0x10);
    const other = harness.connect('other');
    other.publish(TOPIC, '', { retain: true });
    expect(ack(other).reasonCode).toBe(0x87);
    agent.publish(TOPIC, '', { retain: true });
    expect(harness.engine.context.retained.count).toBe(0);
  });

  it('takes any JSON object when the schema is not checked', () => {
    const agent = withRegistry({ validateSchema: false }).connect(OWNER);
    agent.publish(TOPIC, '{}', { retain: true });
    expect(ack(agent).reasonCode).toBe(0x10);
    agent.publish(TOPIC, '[]', { retain: true });
    expect(ack(agent).reasonCode).toBe(0x99);
  });
});

describe('presence', () => {
  it('BS1, BS2: replaces what the publisher says, and keeps its other properties', () => {
    const harness = withRegistry();
    const watcher = watcherOf(harness);
    harness.connect(OWNER).publish(TOPIC, card(), saying('whatever', 'me'));
    const [packet] = watcher.port.take('publish') as IPublishPacket[];
    expect(packet?.properties?.userProperties).toEqual({
      'a2a-status': 'online',
      'a2a-status-source': 'broker',
      first: '1',
    });
  });

  it('BS3: is pushed when the connection is lost, and when it comes back', () => {
    const harness = withRegistry();
    const watcher = watcherOf(harness);
    const agent = harness.connect(OWNER);
    agent.publish(TOPIC, card(), saying('online', 'agent'));
    agent.drop();
    harness.connect(OWNER);
    expect(statuses(watcher)).toEqual(['online/broker', 'offline/broker', 'online/broker']);
  });

  it('is told once when the will says it', () => {
    const harness = withRegistry();
    const watcher = watcherOf(harness);
    const agent = harness.connect(OWNER, { will: will(TOPIC, card(), saying('offline', 'lwt')) });
    agent.publish(TOPIC, card(), saying('online', 'agent'));
    agent.drop();
    expect(statuses(watcher)).toEqual(['online/broker', 'offline/broker']);
  });

  it('never says offline during a takeover', () => {
    const harness = withRegistry();
    const watcher = watcherOf(harness);
    const options = { will: will(TOPIC, card(), saying('offline', 'lwt')) };
    harness.connect(OWNER, options).publish(TOPIC, card(), saying('online', 'agent'));
    harness.connect(OWNER, options).publish(TOPIC, card(), saying('online', 'agent'));
    expect(new Set(statuses(watcher))).toEqual(new Set(['online/broker']));
  });

  it('stays offline after a goodbye, whatever the connection does, until the agent speaks again', () => {
    const harness = withRegistry();
    const watcher = watcherOf(harness);
    const agent = harness.connect(OWNER);
    agent.publish(TOPIC, card(), saying('online', 'agent'));
    agent.publish(TOPIC, card(), saying('offline', 'agent'));
    agent.disconnect();
    const again = harness.connect(OWNER);
    expect(statuses(watcher)).toEqual(['online/broker', 'offline/agent']);
    again.publish(TOPIC, card(), saying('online', 'agent'));
    expect(statuses(watcher)).toEqual(['online/broker']);
  });

  it('tells who subscribes later', () => {
    const harness = withRegistry();
    const agent = harness.connect(OWNER);
    agent.publish(TOPIC, card(), saying('online', 'agent'));
    agent.drop();
    expect(statuses(watcherOf(harness))).toEqual(['offline/broker']);
  });

  it('is not pushed when that is switched off', () => {
    const harness = withRegistry({ pushPresence: false });
    const watcher = watcherOf(harness);
    const agent = harness.connect(OWNER);
    agent.publish(TOPIC, card(), saying('online', 'agent'));
    agent.drop();
    expect(statuses(watcher)).toEqual(['online/broker']);
  });
});

describe('the rate of updates', () => {
  it('is limited for each card, and told', () => {
    const harness = withRegistry({ maxCardUpdatesPerMinute: 2 });
    const agent = harness.connect(OWNER, { will: will(TOPIC, card('will'), saying('offline', 'lwt')) });
    for (const version of ['1', '2', '3']) agent.publish(TOPIC, card(version), { retain: true });
    const answer = ack(agent);
    expect(answer.reasonCode).toBe(0x97);
    expect(answer.properties?.reasonString).toMatch(/^R7 card: more than 2 updates per minute/);
    const other = harness.connect('o/u/other');
    other.publish('$a2a/v1/discovery/o/u/other', card(), { retain: true });
    expect(ack(other).reasonCode).toBe(0x10);
    harness.advance(30_000);
    agent.publish(TOPIC, card('4'), { retain: true });
    expect(ack(agent).reasonCode).toBe(0x10);
  });

  it('holds up neither deletions nor wills', () => {
    const harness = withRegistry({ maxCardUpdatesPerMinute: 1 });
    const agent = harness.connect(OWNER, { will: will(TOPIC, card('will'), saying('offline', 'lwt')) });
    agent.publish(TOPIC, card(), { retain: true });
    agent.publish(TOPIC, '', { retain: true });
    expect(ack(agent).reasonCode).toBe(0x10);
    agent.drop();
    expect(harness.engine.context.retained.count).toBe(1);
  });
});

describe('in a namespace', () => {
  it('a card is checked and its presence pushed', () => {
    const harness = withRegistry();
    const watcher = harness.connect('watcher', {}, { mount: 'ns/' });
    watcher.subscribe('$a2a/v1/discovery/+/+/+');
    const agent = harness.connect(OWNER, {}, { mount: 'ns/' });
    agent.publish(TOPIC, '{', { retain: true });
    expect(ack(agent).reasonCode).toBe(0x99);
    agent.publish(TOPIC, card(), { retain: true });
    agent.drop();
    expect(statuses(watcher)).toEqual(['online/broker', 'offline/broker']);
  });
});

describe('finding cards', () => {
  const find = (harness: Harness, query: CardQuery): string[] =>
    harness.engine.step(harness.now, (cx) => findCards(cx, query)).map(({ id }) => id);

  it('goes by address, status, skill, tag, text and namespace', () => {
    const harness = withRegistry();
    const skill = { id: 'vibration', name: 'Vibration', description: 'bearing faults', tags: ['Diagnosis'] };
    harness.connect('o/u/pump').publish(TOPIC, card(), { retain: true });
    const analyst = harness.connect('o/v/analyst');
    analyst.publish('$a2a/v1/discovery/o/v/analyst', cardText({ skills: [skill] }), { retain: true });
    analyst.drop();
    harness
      .connect('o/u/x', {}, { mount: 'ns/' })
      .publish('$a2a/v1/discovery/o/u/x', card(), { retain: true });
    expect(find(harness, {}).toSorted()).toEqual(['o/u/pump', 'o/u/x', 'o/v/analyst']);
    expect(find(harness, { namespace: null })).toEqual(['o/u/pump', 'o/v/analyst']);
    expect(find(harness, { namespace: 'ns' })).toEqual(['o/u/x']);
    expect(find(harness, { unit: 'v' })).toEqual(['o/v/analyst']);
    expect(find(harness, { status: 'offline' })).toEqual(['o/v/analyst']);
    expect(find(harness, { skill: 'vibration' })).toEqual(['o/v/analyst']);
    expect(find(harness, { tag: 'diagnosis' })).toEqual(['o/v/analyst']);
    expect(find(harness, { text: 'FAULTS pump' })).toEqual(['o/v/analyst']);
    expect(find(harness, { text: 'nowhere' })).toEqual([]);
    expect(find(harness, { org: '+' })).toEqual([]);
  });
});
