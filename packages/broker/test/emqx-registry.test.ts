import type { IPublishPacket, UserProperties } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';

import { userProperty } from '../src/core/codec/encode.ts';
import { deleteCard, registerCard } from '../src/core/registry/manage.ts';
import { EMQX_VERSIONS, type EmqxVersion } from '../src/core/registry/profile.ts';
import { Registry } from '../src/core/registry/registry.ts';
import type { ConnectPacket, PublishPacket } from '../src/core/packets.ts';
import type { Session } from '../src/core/session.ts';
import { emqxLimits } from '../src/io/limits.ts';
import { cardText } from './cards.ts';
import { createHarness, properties, will, type FakeClient, type Harness } from './engine-harness.ts';

const OWNER = 'o/u/a';
const topicOf = (clientId: string): string => `$a2a/v1/discovery/${clientId}`;
const TOPIC = topicOf(OWNER);
const ALL = '$a2a/v1/discovery/+/+/+';

interface World extends Harness {
  readonly registry: Registry;
  readonly stored: () => string[];
  readonly register: (client: FakeClient, payload?: string, fields?: Partial<PublishPacket>) => void;
}

function emqx(version: EmqxVersion = '6.2.2', limits: Record<string, number> = {}): World {
  const sessions = new Map<string, Session>();
  const registry = new Registry({
    profile: 'emqx',
    emqxVersion: version,
    enabled: true,
    validateSchema: true,
    pushPresence: true,
    maxCardBytes: 0,
    maxCardUpdatesPerMinute: 0,
    isConnected: (clientId) => sessions.get(clientId)?.connection !== undefined,
  });
  const harness = createHarness({ registry, sessions, limits: { ...emqxLimits, ...limits } });
  return Object.assign(harness, {
    registry,
    stored: () => [...harness.engine.context.retained.all()].map(({ topic }) => topic),
    register: (client: FakeClient, payload = cardText(), fields: Partial<PublishPacket> = {}) =>
      client.publish(topicOf(client.connection.session.clientId), payload, { retain: true, ...fields }),
  });
}

const said = (...pairs: [string, string][]) =>
  properties({ bytes: Buffer.concat(pairs.map(([name, value]) => userProperty(name, value))) });

const received = (client: FakeClient): IPublishPacket[] => client.port.take('publish') as IPublishPacket[];
const propertiesOf = (packet: IPublishPacket): UserProperties => ({ ...packet.properties?.userProperties });
const statuses = (client: FakeClient): string[] =>
  received(client).map((packet) => {
    const user = propertiesOf(packet);
    return `${String(user['a2a-status'])}/${String(user['a2a-status-source'])}`;
  });
const ackOf = (client: FakeClient): number | undefined =>
  (client.port.take('puback').at(-1) as { reasonCode?: number } | undefined)?.reasonCode;

const matrix = [
  { sessions: 'in memory', mount: '' },
  { sessions: 'durable', mount: '' },
  { sessions: 'in memory', mount: 'acme/' },
  { sessions: 'durable', mount: 'acme/' },
] as const;

describe.each(matrix)('the EMQX registry, sessions $sessions, mount "$mount"', ({ sessions, mount }) => {
  const options: Partial<ConnectPacket> = { sessionExpirySeconds: sessions === 'durable' ? 60 : 0 };
  const connect = (world: World, clientId: string): FakeClient => world.connect(clientId, options, { mount });
  const watch = (world: World): FakeClient => {
    const watcher = connect(world, 'watcher');
    watcher.subscribe(ALL);
    return watcher;
  };

  it('1, 2: takes a card of its agent and delivers it with exactly one status', () => {
    const world = emqx();
    world.register(connect(world, OWNER));
    const [packet] = received(watch(world));
    expect(packet?.topic).toBe(TOPIC);
    expect(packet && propertiesOf(packet)).toEqual({ 'a2a-status': 'online', 'a2a-status-source': 'emqx' });
  });

  it('3: says offline to who subscribes again after the agent went', () => {
    const world = emqx();
    const agent = connect(world, OWNER);
    world.register(agent);
    const watcher = watch(world);
    agent.disconnect();
    received(watcher);
    watcher.subscribe(ALL);
    expect(statuses(watcher)).toEqual(['offline/emqx']);
  });

  it('4, 5: delivers a card that is published again as online, and replaces it', () => {
    const world = emqx();
    const agent = connect(world, OWNER);
    world.register(agent);
    agent.disconnect();
    const watcher = watch(world);
    received(watcher);
    world.register(connect(world, OWNER), cardText({ version: '2' }));
    expect(statuses(watcher)).toEqual(['online/emqx']);
    expect(world.stored()).toEqual([mount + TOPIC]);
  });

  it('6: forgets a card on an empty payload of its owner, and tells subscribers with a status', () => {
    const world = emqx();
    const agent = connect(world, OWNER);
    world.register(agent);
    const watcher = watch(world);
    received(watcher);
    world.register(agent, '');
    const [packet] = received(watcher);
    expect(packet?.payload).toHaveLength(0);
    expect(packet && propertiesOf(packet)['a2a-status']).toBe('online');
    expect(world.stored()).toEqual([]);
  });

  it("7: puts its own status in place of the publisher's", () => {
    const world = emqx();
    const watcher = watch(world);
    world.register(connect(world, OWNER), cardText(), {
      properties: said(['a2a-status', 'whatever'], ['a2a-status-source', 'agent']),
    });
    expect(statuses(watcher)).toEqual(['online/emqx']);
  });

  it('8, 9: drops a card without the retain flag, and lets other messages pass', () => {
    const world = emqx();
    const watcher = watch(world);
    watcher.subscribe('other');
    const agent = connect(world, OWNER);
    world.register(agent, cardText(), { retain: false });
    agent.publish('other', 'x');
    expect(received(watcher).map(({ topic }) => topic)).toEqual(['other']);
  });

  it('10, 17, 18: is out of the way when it is switched off', () => {
    const world = emqx();
    world.registry.switches.enabled = false;
    const watcher = watch(world);
    const stranger = connect(world, 'stranger');
    stranger.publish(TOPIC, 'not a card', { retain: false });
    stranger.publish(TOPIC, 'not a card', { retain: true });
    expect(received(watcher).map(propertiesOf)).toEqual([{}, {}]);
    expect(world.stored()).toEqual([mount + TOPIC]);
    stranger.disconnect();
    watcher.subscribe(ALL);
    expect(received(watcher).map(propertiesOf)).toEqual([{}]);
  });

  it('11: drops every mismatch of client id and topic, and acknowledges it', () => {
    for (const id of ['x/u/a', 'o/x/a', 'o/u/x', 'x/x/a', 'x/u/x', 'o/x/x', 'x/x/x']) {
      const world = emqx();
      const agent = connect(world, id);
      agent.publish(TOPIC, cardText(), { retain: true });
      expect([id, ackOf(agent), world.stored()]).toEqual([id, 0x10, []]);
    }
  });

  it('12: drops ids that are none, in each place', () => {
    const bad = ['', ' ', 'ç', '🙂'];
    for (const org of [...bad, 'o']) {
      for (const unit of [...bad, 'u']) {
        for (const agentId of [...bad, 'a']) {
          const id = `${org}/${unit}/${agentId}`;
          if (id === OWNER) continue;
          const world = emqx();
          const agent = connect(world, id);
          world.register(agent);
          expect([id, ackOf(agent), world.stored()]).toEqual([id, 0x10, []]);
        }
      }
    }
  });

  it('13, 14, 15, 16: checks the schema, or only for an object', () => {
    const world = emqx();
    const agent = connect(world, OWNER);
    world.register(agent, '{}');
    expect(world.stored()).toEqual([]);
    world.registry.switches.validateSchema = false;
    world.register(agent, '{}');
    world.register(agent, '1');
    world.register(agent, '[]');
    world.register(agent, '{');
    const [kept] = world.engine.context.retained.all();
    expect(kept?.payload.toString()).toBe('{}');
  });
});

describe('the EMQX registry', () => {
  it('answers an accepted card by its subscribers, and a rejected one always with 0x10', () => {
    const world = emqx();
    const agent = world.connect(OWNER);
    const code = (qos: 1 | 2, payload: string): number | undefined => {
      world.register(agent, payload, { qos, packetId: 100 });
      const type = qos === 1 ? 'puback' : 'pubrec';
      const found = (agent.port.take(type).at(-1) as { reasonCode?: number } | undefined)?.reasonCode;
      if (qos === 2) agent.send({ type: 'pubrel', packetId: 100, reasonCode: 0 });
      return found;
    };
    expect([code(1, cardText()), code(2, cardText())]).toEqual([0x10, 0x10]);
    expect([code(1, '{}'), code(2, '{}')]).toEqual([0x10, 0x10]);
    expect(agent.port.take('pubcomp')).toHaveLength(2);
    world.connect('watcher').subscribe(ALL);
    expect([code(1, cardText()), code(2, cardText())]).toEqual([0, 0]);
    expect([code(1, '{}'), code(2, '{}')]).toEqual([0x10, 0x10]);
    world.register(agent, '{}', { qos: 0, packetId: 0 });
    expect(agent.port.packets.filter(({ cmd }) => cmd !== 'connack' && cmd !== 'pubcomp')).toEqual([]);
  });

  it('lets an agent find out by an echo of its own', () => {
    const world = emqx();
    const agent = world.connect(OWNER);
    agent.subscribe(TOPIC);
    world.register(agent);
    expect([ackOf(agent), received(agent).length]).toEqual([0, 1]);
    world.register(agent, '{}');
    expect([ackOf(agent), received(agent).length]).toEqual([0x10, 0]);
  });

  it('marks live cards as published, and kept ones as retained', () => {
    const world = emqx();
    const agent = world.connect(OWNER);
    const [plain, asPublished] = [world.connect('plain'), world.connect('as-published')];
    plain.subscribe(ALL);
    asPublished.subscribe(ALL, { retainAsPublished: true });
    world.register(agent);
    expect([received(plain)[0]?.retain, received(asPublished)[0]?.retain]).toEqual([false, true]);
    plain.subscribe(ALL);
    expect(received(plain)[0]?.retain).toBe(true);
  });

  it('honours Retain Handling 0, 1 and 2', () => {
    const world = emqx();
    world.register(world.connect(OWNER));
    const watcher = world.connect('watcher');
    const counts = ([2, 1, 0, 1] as const).map((retainHandling) => {
      watcher.subscribe(ALL, { retainHandling });
      return received(watcher).length;
    });
    expect(counts).toEqual([0, 0, 1, 0]);
    const fresh = world.connect('fresh');
    fresh.subscribe(ALL, { retainHandling: 1 });
    expect(received(fresh)).toHaveLength(1);
  });

  it('drops a will without the retain flag, and one that is no card, when it is due', () => {
    for (const [payload, retain] of [
      [cardText(), false],
      ['{}', true],
    ] as const) {
      const world = emqx();
      const watcher = world.connect('watcher');
      watcher.subscribe(ALL);
      const agent = world.connect(OWNER, { will: will(TOPIC, payload, { retain }) });
      expect(agent.port.take('connack')).toMatchObject([{ reasonCode: 0 }]);
      agent.drop();
      expect(received(watcher)).toEqual([]);
    }
  });

  it('shows a will without delay as online, a delayed one as offline', () => {
    for (const [willDelaySeconds, status] of [
      [0, 'online/emqx'],
      [2, 'offline/emqx'],
    ] as const) {
      const world = emqx();
      const watcher = world.connect('watcher');
      watcher.subscribe(ALL);
      const dying = will(TOPIC, cardText(), { retain: true, properties: properties({ willDelaySeconds }) });
      world.connect(OWNER, { will: dying, sessionExpirySeconds: 60 }).drop();
      world.advance(3_000);
      expect(statuses(watcher)).toEqual([status]);
      watcher.subscribe(ALL);
      expect(statuses(watcher)).toEqual(['offline/emqx']);
    }
  });

  it('publishes the will of a connection that another one takes over as online', () => {
    const world = emqx();
    const watcher = world.connect('watcher');
    watcher.subscribe(ALL);
    const options = { will: will(TOPIC, cardText(), { retain: true }) };
    world.connect(OWNER, options);
    world.connect(OWNER, options);
    expect(statuses(watcher)).toEqual(['online/emqx']);
  });

  it('lets a will put the card of its CONNECT back', () => {
    const world = emqx();
    const agent = world.connect(OWNER, { will: will(TOPIC, cardText({ version: 'old' }), { retain: true }) });
    world.register(agent, cardText({ version: 'new' }));
    agent.drop();
    const [kept] = world.engine.context.retained.all();
    expect(JSON.parse(kept?.payload.toString() ?? '')).toMatchObject({ version: 'old' });
  });

  it('overrides a goodbye while the connection lasts, and pushes nothing when it comes or goes', () => {
    const world = emqx();
    const watcher = world.connect('watcher');
    watcher.subscribe(ALL);
    const agent = world.connect(OWNER);
    world.register(agent, cardText(), {
      properties: said(['a2a-status', 'offline'], ['a2a-status-source', 'agent']),
    });
    expect(statuses(watcher)).toEqual(['online/emqx']);
    agent.disconnect();
    world.connect(OWNER);
    expect(received(watcher)).toEqual([]);
  });

  it('leaves a card to its owner', () => {
    const world = emqx();
    world.register(world.connect(OWNER));
    const other = world.connect('other');
    other.publish(TOPIC, '', { retain: true });
    expect([ackOf(other), world.stored()]).toEqual([0x10, [TOPIC]]);
  });

  it('knows seven levels without any tenancy, and neither an empty first one nor more', () => {
    const world = emqx();
    const agent = world.connect('stranger');
    for (const topic of [`any/${TOPIC}`, `/${TOPIC}`, `a/b/${TOPIC}`, `${TOPIC}/x`])
      agent.publish(topic, 'x', { retain: true });
    expect(world.stored().toSorted()).toEqual([`${TOPIC}/x`, `/${TOPIC}`, `a/b/${TOPIC}`].toSorted());
  });

  it('takes one newline at the end of an id, as PCRE does', () => {
    const world = emqx();
    const one = world.connect('o/u/a\n');
    world.register(one);
    const two = world.connect('o/u/b\n\n');
    world.register(two);
    expect(world.stored()).toEqual([topicOf('o/u/a\n')]);
  });

  it('takes the id pool, which is reserved nowhere in EMQX', () => {
    const world = emqx();
    world.register(world.connect('o/u/pool'));
    expect(world.stored()).toHaveLength(1);
  });

  it('routes a card that is too large to be kept', () => {
    const world = emqx('6.2.2', { maxPacketBytes: 4 * 1024 * 1024 });
    const watcher = world.connect('watcher');
    watcher.subscribe(ALL);
    const agent = world.connect(OWNER);
    world.register(agent, cardText({ description: 'x'.repeat(1024 * 1024) }));
    expect([ackOf(agent), received(watcher).length, world.stored()]).toEqual([0, 1, []]);
  });

  it('routes what comes faster than the store may be written, deletions too', () => {
    const world = emqx('6.2.2', { maxRetainedPerSecond: 2 });
    const agent = world.connect(OWNER);
    const watcher = world.connect('watcher');
    watcher.subscribe(ALL);
    for (const version of ['1', '2', '3']) world.register(agent, cardText({ version }));
    world.register(agent, '');
    expect(received(watcher)).toHaveLength(4);
    const [kept] = world.engine.context.retained.all();
    expect(JSON.parse(kept?.payload.toString() ?? '')).toMatchObject({ version: '2' });
    world.advance(1_000);
    world.register(agent, '');
    expect(world.stored()).toEqual([]);
  });

  it('routes a new card when the table is full, and still updates an old one', () => {
    const world = emqx('6.2.2', { maxRetainedMessages: 1 });
    const agent = world.connect(OWNER);
    world.register(agent);
    world.register(world.connect('o/u/b'));
    world.register(agent, cardText({ version: '2' }));
    expect(world.stored()).toEqual([TOPIC]);
    const [kept] = world.engine.context.retained.all();
    expect(JSON.parse(kept?.payload.toString() ?? '')).toMatchObject({ version: '2' });
  });

  it('delivers live cards with their status through a shared subscription, and keeps none back for it', () => {
    const world = emqx();
    const agent = world.connect(OWNER);
    world.register(agent);
    const member = world.connect('member');
    member.subscribe(`$share/g/${ALL}`);
    expect(received(member)).toEqual([]);
    world.register(agent);
    expect(statuses(member)).toEqual(['online/emqx']);
  });

  it('puts status and source before the other user properties, in the order of the publisher', () => {
    const world = emqx();
    const watcher = world.connect('watcher');
    watcher.subscribe(ALL);
    world.register(world.connect(OWNER), cardText(), {
      properties: said(['z', '1'], ['a2a-status', 'x'], ['a', '2'], ['A2A-Status', 'kept']),
    });
    const [packet] = received(watcher);
    expect(packet && Object.keys(propertiesOf(packet))).toEqual([
      'a2a-status',
      'a2a-status-source',
      'z',
      'a',
      'A2A-Status',
    ]);
  });

  it('gives an MQTT 3.1.1 subscriber the card alone, and takes cards of such publishers', () => {
    const world = emqx();
    const watcher = world.connect('watcher', { version: 4 });
    watcher.subscribe(ALL);
    world.register(world.connect(OWNER, { version: 4 }), cardText(), { qos: 0, packetId: 0 });
    const [packet] = received(watcher);
    expect([packet?.payload.toString(), packet?.properties]).toEqual([cardText(), undefined]);
  });

  it('shows the stored status of the publisher once it is switched off', () => {
    const world = emqx();
    world.register(world.connect(OWNER), cardText(), { properties: said(['a2a-status', 'mine']) });
    world.registry.switches.enabled = false;
    const watcher = world.connect('watcher');
    watcher.subscribe(ALL);
    expect(statuses(watcher)).toEqual(['mine/undefined']);
  });

  it('tells the status of what was kept before it was switched on, unchecked', () => {
    const world = emqx();
    world.registry.switches.enabled = false;
    world.connect('stranger').publish(TOPIC, 'not a card', { retain: true });
    world.registry.switches.enabled = true;
    const watcher = world.connect('watcher');
    watcher.subscribe(ALL);
    expect(statuses(watcher)).toEqual(['online/emqx']);
  });

  it('refuses what access rules forbid before it looks at the card', () => {
    const sessions = new Map<string, Session>();
    const registry = new Registry({
      profile: 'emqx',
      enabled: true,
      validateSchema: true,
      pushPresence: false,
      maxCardBytes: 0,
      maxCardUpdatesPerMinute: 0,
      isConnected: () => true,
    });
    const harness = createHarness({ registry, sessions, authorize: () => false });
    const agent = harness.connect(OWNER, { will: will(TOPIC, cardText(), { retain: true }) });
    expect(agent.port.take('connack')).toMatchObject([{ reasonCode: 0 }]);
    agent.publish(TOPIC, '{}', { retain: true });
    expect(ackOf(agent)).toBe(0x87);
    agent.drop();
    expect([...harness.engine.context.retained.all()]).toEqual([]);
  });

  it('keeps what the management writes from live subscribers, and delivers it later without the retain flag', () => {
    const world = emqx();
    const address = { namespace: undefined, org: 'o', unit: 'u', agentId: 'a' };
    const watcher = world.connect('watcher');
    watcher.subscribe(ALL);
    world.engine.step(world.now, (cx) => registerCard(cx, world.registry, address, Buffer.from(cardText())));
    expect(received(watcher)).toEqual([]);
    watcher.subscribe(ALL);
    watcher.subscribe(ALL, { retainAsPublished: true });
    expect(received(watcher).map(({ retain }) => retain)).toEqual([false, true]);
    world.engine.step(world.now, (cx) => deleteCard(cx, world.registry, address));
    expect([received(watcher), world.stored()]).toEqual([[], []]);
  });

  it('keeps cards while the retained store is off, and routes on', () => {
    const world = emqx();
    const watcher = world.connect('watcher');
    watcher.subscribe(ALL);
    world.engine.context.switches.retainer = false;
    const agent = world.connect(OWNER);
    world.register(agent, '{}');
    world.register(agent);
    expect(received(watcher)).toHaveLength(1);
    watcher.subscribe(ALL);
    expect([received(watcher), world.stored()]).toEqual([[], []]);
  });
});

describe('a namespace', () => {
  it('hides everything else, and its own prefix', () => {
    const world = emqx();
    const tenant = world.connect('o/u/a', {}, { mount: 'acme/' });
    const peer = world.connect('peer', {}, { mount: 'acme/' });
    const outside = world.connect('outside');
    peer.subscribe('#');
    peer.subscribe('$share/g/x');
    outside.subscribe('#');
    world.register(tenant);
    tenant.publish('x', '1');
    outside.publish('x', '2');
    expect(received(peer).map(({ topic }) => topic)).toEqual([TOPIC, 'x', 'x']);
    // Below a namespace the `$` is not the first character, so its `#` reaches discovery topics; the global one sees both as plain.
    expect(received(outside).map(({ topic }) => topic)).toEqual([`acme/${TOPIC}`, 'acme/x', 'x']);
    peer.send({ type: 'unsubscribe', packetId: 99, filters: ['#', '$share/g/x', 'y'] });
    const [unsuback] = peer.port.take('unsuback') as { granted?: number[]; reasonCodes?: number[] }[];
    expect(unsuback?.granted ?? unsuback?.reasonCodes).toEqual([0, 0, 0x11]);
  });

  it('has its wills below it, and the same card apart from the global one', () => {
    const world = emqx();
    world.connect('o/u/a', { will: will('gone', 'x', { retain: true }) }, { mount: 'acme/' }).drop();
    world.register(world.connect('o/u/a', {}, { mount: 'acme/' }));
    world.register(world.connect('o/u/a'));
    expect(world.stored()).toEqual(['acme/gone', `acme/${TOPIC}`, TOPIC]);
  });

  it('is told apart by access rules no more than by the client', () => {
    const asked: string[] = [];
    const harness = createHarness({ authorize: (_client, _action, topic) => asked.push(topic) > 0 });
    const tenant = harness.connect('t', { will: will('w', 'x') }, { mount: 'acme/' });
    tenant.publish('p', 'x');
    tenant.subscribe('s/#');
    expect(asked).toEqual(['w', 'p', 's/#']);
  });
});

describe('the versions of EMQX', () => {
  const seen = (version: EmqxVersion): unknown => {
    const world = emqx(version);
    const watcher = world.connect('watcher');
    watcher.subscribe(ALL);
    world.register(world.connect(OWNER), cardText(), {
      properties: said(['a2a-status', 'mine'], ['a2a-status-source', 'agent']),
    });
    const [packet] = received(watcher);
    return packet && propertiesOf(packet);
  };

  it("6.2.0 puts its status before the publisher's and sends no source", () => {
    expect(seen('6.2.0')).toEqual({ 'a2a-status': ['online', 'mine'], 'a2a-status-source': 'agent' });
  });

  it.each(EMQX_VERSIONS.filter((version) => version !== '6.2.0'))('%s overrides both', (version) => {
    expect(seen(version)).toEqual({ 'a2a-status': 'online', 'a2a-status-source': 'emqx' });
  });

  it.each(EMQX_VERSIONS)('%s knows namespaces from 6.2.1 on', (version) => {
    const world = emqx(version);
    world.connect('stranger').publish(`ns/${TOPIC}`, 'x', { retain: true });
    expect(world.stored()).toEqual(version === '6.2.0' ? [`ns/${TOPIC}`] : []);
  });
});

describe('what is kept comes in turns, as from EMQX', () => {
  const names = ({ port }: FakeClient): string[] =>
    port.packets.flatMap((packet) => (packet.cmd === 'publish' ? [packet.topic] : []));
  const unlimited = { maxRetainedPerSecond: 0 };

  it('a thousand for each subscription of a client, and what is published meanwhile between them', () => {
    const harness = emqx('6.2.2', unlimited);
    const writer = harness.connect('writer');
    for (let index = 0; index < 1_500; index += 1)
      writer.publish(`many/${index}`, 'x', { qos: 0, retain: true });
    writer.publish('marker', 'x', { qos: 0, retain: true });
    const reader = harness.connect('reader');
    harness.holdsTurns = true;
    reader.subscribe('many/+');
    reader.subscribe('marker');
    writer.publish('many/live', 'x', { qos: 0 });
    expect(names(reader)).toEqual(['many/live']);
    harness.turn();
    expect(names(reader)).toHaveLength(1_002);
    expect(names(reader).at(-1)).toBe('marker');
    harness.turn();
    expect(names(reader)).toHaveLength(1_502);
  });

  it('a SUBSCRIBE for a filter that has not had all brings nothing more, one after an UNSUBSCRIBE everything', () => {
    const harness = emqx('6.2.2', unlimited);
    const client = harness.connect('client');
    client.publish('a', 'x', { qos: 0, retain: true });
    harness.holdsTurns = true;
    client.subscribe('a');
    client.subscribe('a');
    harness.turn();
    expect(names(client)).toEqual(['a']);
    client.subscribe('a');
    client.send({ type: 'unsubscribe', packetId: 900, filters: ['a'] });
    client.subscribe('a');
    harness.turn();
    harness.turn();
    expect(names(client)).toEqual(['a', 'a']);
  });
});
