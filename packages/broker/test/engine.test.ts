import type { IPublishPacket } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';

import { createHarness, properties, will, type FakeClient } from './engine-harness.ts';

const persistent = { sessionExpirySeconds: 100, cleanStart: false };
const published = (client: FakeClient): IPublishPacket[] => client.port.take('publish') as IPublishPacket[];

describe('acknowledgements', () => {
  it('answers 0x10 when nobody is subscribed', () => {
    const harness = createHarness();
    const sender = harness.connect('s');
    sender.publish('nobody', 'x');
    expect(sender.port.take('puback')).toMatchObject([{ reasonCode: 0x10 }]);
  });

  it('takes a repeated QoS 2 message once', () => {
    const harness = createHarness();
    const receiver = harness.connect('r');
    receiver.subscribe('t');
    const sender = harness.connect('s');
    for (const dup of [false, true]) sender.publish('t', 'x', { qos: 2, packetId: 7, dup });
    sender.send({ type: 'pubrel', packetId: 7, reasonCode: 0 });
    expect(receiver.port.payloads()).toEqual(['x']);
    expect(sender.port.take('pubrec')).toHaveLength(2);
    expect(sender.port.take('pubcomp')).toMatchObject([{ reasonCode: 0 }]);
  });

  it('sends no more than the Receive Maximum of the client', () => {
    const harness = createHarness();
    const receiver = harness.connect('r', { receiveMaximum: 2 });
    receiver.subscribe('t');
    const sender = harness.connect('s');
    for (const payload of ['1', '2', '3', '4']) sender.publish('t', payload);
    const first = published(receiver);
    expect(first.map((packet) => packet.payload.toString())).toEqual(['1', '2']);
    receiver.puback(first[0]?.messageId as number);
    expect(receiver.port.payloads()).toEqual(['3']);
  });

  it('counts QoS 2 for the Receive Maximum until PUBCOMP, for maxInflight until PUBREC, and bounds what then waits for PUBCOMP', () => {
    const harness = createHarness({ limits: { maxInflight: 2 } });
    const free = harness.connect('free');
    const strict = harness.connect('strict', { receiveMaximum: 2 });
    for (const receiver of [free, strict]) receiver.subscribe('t');
    const sender = harness.connect('s');
    for (let i = 1; i <= 20; i++) sender.publish('t', String(i), { qos: 2, packetId: i });
    const answer = (client: FakeClient, type: 'pubrec' | 'pubcomp', packetId: number): void =>
      client.send({ type, packetId, reasonCode: 0 });
    expect([free.port.payloads(), strict.port.payloads()]).toEqual([
      ['1', '2'],
      ['1', '2'],
    ]);
    for (const receiver of [free, strict]) answer(receiver, 'pubrec', 1);
    expect([free.port.payloads(), strict.port.payloads()]).toEqual([['3'], []]);
    for (const receiver of [free, strict]) answer(receiver, 'pubcomp', 1);
    expect([free.port.payloads(), strict.port.payloads()]).toEqual([[], ['3']]);
    for (let id = 2; id <= 20; id++) answer(free, 'pubrec', id);
    const { inflight } = free.connection.session;
    expect(inflight.size).toBeLessThanOrEqual(2 * 4);
    for (let id = 2; id <= 20; id++) {
      answer(free, 'pubrec', id);
      answer(free, 'pubcomp', id);
    }
    expect(free.port.payloads().at(-1)).toBe('20');
    expect(free.connection.session).toMatchObject({ released: 0 });
  });

  it('ends the connection of a client that exceeds the Receive Maximum of the server', () => {
    const harness = createHarness({ limits: { receiveMaximum: 1 } });
    const sender = harness.connect('s');
    sender.publish('t', '1', { qos: 2 });
    expect(() => sender.publish('t', '2', { qos: 2 })).toThrow(expect.objectContaining({ reasonCode: 0x93 }));
  });
});

describe('sessions', () => {
  it('repeats what was not acknowledged, with DUP and the same identifier', () => {
    const harness = createHarness();
    const receiver = harness.connect('r', persistent);
    receiver.subscribe('t');
    harness.connect('s').publish('t', 'x');
    const [first] = published(receiver);
    receiver.drop();
    const again = harness.connect('r', persistent);
    expect(again.port.take('connack')).toMatchObject([{ sessionPresent: true }]);
    expect(published(again)).toMatchObject([{ dup: true, messageId: first?.messageId }]);
  });

  it('ends after the session expiry interval, and not before', () => {
    const harness = createHarness();
    harness.connect('r', persistent).drop();
    harness.advance(99_999);
    expect(harness.engine.context.sessions.size).toBe(1);
    harness.advance(1);
    expect(harness.engine.context.sessions.size).toBe(0);
  });

  it('drops messages whose time has come and forwards the rest of it', () => {
    const harness = createHarness();
    const receiver = harness.connect('r', persistent);
    receiver.subscribe('t');
    receiver.drop();
    const sender = harness.connect('s');
    sender.publish('t', 'short', { properties: properties({ expirySeconds: 5 }) });
    sender.publish('t', 'long', { properties: properties({ expirySeconds: 60 }) });
    harness.advance(10_000);
    const got = published(harness.connect('r', persistent));
    expect(got.map((packet) => packet.payload.toString())).toEqual(['long']);
    expect(got[0]?.properties?.messageExpiryInterval).toBe(50);
  });

  it('forgets a retained message when it expires', () => {
    const harness = createHarness();
    const sender = harness.connect('s');
    sender.publish('t', 'x', { retain: true, properties: properties({ expirySeconds: 5 }) });
    harness.advance(5_001);
    const receiver = harness.connect('r');
    receiver.subscribe('t');
    expect(receiver.port.payloads()).toEqual([]);
    harness.engine.sweep(harness.now);
    expect(harness.engine.context.retained.count).toBe(0);
  });
});

describe('takeover', () => {
  it('tells the older connection 0x8E and sends its will when there is no delay', () => {
    const harness = createHarness();
    const watcher = harness.connect('w');
    watcher.subscribe('w');
    const first = harness.connect('c', { ...persistent, will: will('w', 'first') });
    harness.connect('c', persistent);
    expect(first.port.take('disconnect')).toMatchObject([{ reasonCode: 0x8e }]);
    expect(first.port.closed).toBe(true);
    expect(watcher.port.payloads()).toEqual(['first']);
  });

  it('keeps a delayed will back when the session goes on', () => {
    const harness = createHarness();
    const watcher = harness.connect('w');
    watcher.subscribe('w');
    const delayed = {
      ...persistent,
      will: will('w', 'first', { properties: properties({ willDelaySeconds: 5 }) }),
    };
    harness.connect('c', delayed);
    harness.connect('c', persistent);
    harness.advance(60_000);
    expect(watcher.port.payloads()).toEqual([]);
  });

  it('sends a delayed will when the new connection starts clean', () => {
    const harness = createHarness();
    const watcher = harness.connect('w');
    watcher.subscribe('w');
    const delayed = {
      ...persistent,
      will: will('w', 'first', { properties: properties({ willDelaySeconds: 5 }) }),
    };
    harness.connect('c', delayed);
    harness.connect('c', { cleanStart: true });
    expect(watcher.port.payloads()).toEqual(['first']);
  });
});

describe('wills', () => {
  it.each([
    ['the delay', 5, 100, 5_000],
    ['the end of the session when that is sooner', 50, 7, 7_000],
  ])('wait for %s', (_what, willDelaySeconds, sessionExpirySeconds, dueMs) => {
    const harness = createHarness();
    const watcher = harness.connect('w');
    watcher.subscribe('w');
    const client = harness.connect('c', {
      sessionExpirySeconds,
      will: will('w', 'late', { properties: properties({ willDelaySeconds }) }),
    });
    client.drop();
    harness.advance(dueMs - 1);
    expect(watcher.port.payloads()).toEqual([]);
    harness.advance(1);
    expect(watcher.port.payloads()).toEqual(['late']);
  });

  it('are sent after DISCONNECT 0x04 and not after DISCONNECT 0x00', () => {
    const harness = createHarness();
    const watcher = harness.connect('w');
    watcher.subscribe('w');
    harness.connect('a', { will: will('w', 'a') }).disconnect(0);
    harness.connect('b', { will: will('w', 'b') }).disconnect(4);
    expect(watcher.port.payloads()).toEqual(['b']);
  });

  it('are not sent when the client comes back before the delay', () => {
    const harness = createHarness();
    const watcher = harness.connect('w');
    watcher.subscribe('w');
    const options = {
      ...persistent,
      will: will('w', 'x', { properties: properties({ willDelaySeconds: 5 }) }),
    };
    harness.connect('c', options).drop();
    harness.advance(4_000);
    harness.connect('c', persistent);
    harness.advance(60_000);
    expect(watcher.port.payloads()).toEqual([]);
  });
});

describe('subscriptions', () => {
  it('that overlap deliver once, with the highest QoS and every identifier', () => {
    const harness = createHarness();
    const receiver = harness.connect('r');
    receiver.subscribe('a/+', { qos: 0 }, 1);
    receiver.subscribe('a/#', { qos: 1 }, 2);
    harness.connect('s').publish('a/b', 'x', { qos: 2 });
    const got = published(receiver);
    expect(got).toHaveLength(1);
    expect(got[0]?.qos).toBe(1);
    expect(got[0]?.properties?.subscriptionIdentifier).toEqual(expect.arrayContaining([1, 2]));
  });

  it('with No Local do not echo', () => {
    const harness = createHarness();
    const client = harness.connect('c');
    client.subscribe('t', { noLocal: true });
    client.publish('t', 'x');
    expect(client.port.payloads()).toEqual([]);
  });

  it('keep the retain flag only when asked to', () => {
    const harness = createHarness();
    const [plain, asPublished] = [harness.connect('p'), harness.connect('a')];
    plain.subscribe('t');
    asPublished.subscribe('t', { retainAsPublished: true });
    harness.connect('s').publish('t', 'x', { retain: true });
    expect(published(plain)[0]?.retain).toBe(false);
    expect(published(asPublished)[0]?.retain).toBe(true);
  });

  it.each([
    [0, 2],
    [1, 1],
    [2, 0],
  ] as const)(
    'with retain handling %i get a retained message %i times for two SUBSCRIBE',
    (retainHandling, times) => {
      const harness = createHarness();
      harness.connect('s').publish('t', 'x', { retain: true });
      const receiver = harness.connect('r');
      receiver.subscribe('t', { retainHandling });
      receiver.subscribe('t', { retainHandling });
      expect(receiver.port.payloads()).toHaveLength(times);
    },
  );

  it('with a wildcard in front do not match topics that begin with $', () => {
    const harness = createHarness();
    const receiver = harness.connect('r');
    for (const filter of ['#', '+/a/#', '+/a']) receiver.subscribe(filter);
    const exact = harness.connect('e');
    exact.subscribe('$x/#');
    harness.connect('s').publish('$x/a', 'x');
    expect(receiver.port.payloads()).toEqual([]);
    expect(exact.port.payloads()).toEqual(['x']);
  });

  it('that are shared refuse No Local as the standard demands', () => {
    const client = createHarness().connect('c');
    expect(() => client.subscribe('$share/g/t', { noLocal: true })).toThrow(
      expect.objectContaining({ reasonCode: 0x82 }),
    );
  });

  it.each(['', 'a/#/b', 'a+', '$share/g', '$share//t', '$share/+/t'])('refuse the filter %j', (filter) => {
    const client = createHarness().connect('c');
    client.subscribe(filter);
    expect(client.port.take('suback')).toMatchObject([{ granted: [0x8f] }]);
  });
});

describe('shared subscriptions', () => {
  const setUp = (): {
    harness: ReturnType<typeof createHarness>;
    members: FakeClient[];
    sender: FakeClient;
  } => {
    const harness = createHarness();
    const members = ['a', 'b'].map((id) => harness.connect(id));
    for (const member of members) member.subscribe('$share/g/$a2a/v1/request/#');
    return { harness, members, sender: harness.connect('s') };
  };

  it('take turns', () => {
    const { members, sender } = setUp();
    for (const payload of ['1', '2', '3', '4']) sender.publish('$a2a/v1/request/o/u/a', payload);
    expect(members.map((member) => member.port.payloads())).toEqual([
      ['1', '3'],
      ['2', '4'],
    ]);
  });

  it('give what a dead member did not acknowledge to another one', () => {
    const { members, sender } = setUp();
    const [first, second] = members as [FakeClient, FakeClient];
    for (const payload of ['1', '2', '3']) sender.publish('$a2a/v1/request/o/u/a', payload);
    const [one] = published(first);
    first.puback(one?.messageId as number);
    expect(second.port.payloads()).toEqual(['2']);
    first.drop();
    expect(second.port.payloads()).toEqual(['3']);
  });

  it('do not repeat a QoS 2 message that was begun', () => {
    const { members, sender } = setUp();
    const [first, second] = members as [FakeClient, FakeClient];
    sender.publish('$a2a/v1/request/o/u/a', 'x', { qos: 2 });
    expect(first.port.payloads()).toEqual(['x']);
    first.drop();
    expect(second.port.payloads()).toEqual([]);
  });

  it('pass over members whose Receive Maximum is used up while others have room', () => {
    const harness = createHarness();
    const busy = harness.connect('busy', { receiveMaximum: 1 });
    busy.subscribe('$share/g/t');
    const free = harness.connect('free');
    free.subscribe('$share/g/t');
    const sender = harness.connect('s');
    for (const payload of ['1', '2', '3', '4']) sender.publish('t', payload);
    expect(busy.port.payloads()).toEqual(['1']);
    expect(free.port.payloads()).toEqual(['2', '3', '4']);
  });

  it('pass over members that are away', () => {
    const harness = createHarness();
    const away = harness.connect('away', persistent);
    away.subscribe('$share/g/t');
    away.drop();
    const here = harness.connect('here');
    here.subscribe('$share/g/t');
    const sender = harness.connect('s');
    for (const payload of ['1', '2']) sender.publish('t', payload);
    expect(here.port.payloads()).toEqual(['1', '2']);
  });
});

describe('limits', () => {
  it('end the connection of a client whose queue is full, and tell it', () => {
    const harness = createHarness({ limits: { maxQueuedMessages: 3 } });
    const slow = harness.connect('slow');
    slow.subscribe('t');
    slow.port.writable = false;
    const sender = harness.connect('s');
    for (let i = 0; i < 4; i++) sender.publish('t', 'x');
    expect(slow.port.take('disconnect')).toMatchObject([{ reasonCode: 0x97 }]);
    expect(harness.engine.stats.messagesDropped).toBe(1);
  });

  it('keep the oldest messages of a session that is away', () => {
    const harness = createHarness({ limits: { maxQueuedMessages: 2 } });
    const away = harness.connect('away', persistent);
    away.subscribe('t');
    away.drop();
    const sender = harness.connect('s');
    for (const payload of ['1', '2', '3']) sender.publish('t', payload);
    expect(harness.connect('away', persistent).port.payloads()).toEqual(['1', '2']);
  });

  it('drop QoS 0 messages of a slow client beyond its queue, and send the rest when it reads again', () => {
    const harness = createHarness({ limits: { maxQueuedMessages: 2 } });
    const slow = harness.connect('slow');
    slow.subscribe('t');
    slow.port.writable = false;
    const sender = harness.connect('s');
    for (const payload of ['1', '2', '3']) sender.publish('t', payload, { qos: 0 });
    slow.port.writable = true;
    harness.engine.writable(slow.connection, harness.now);
    expect(slow.port.payloads()).toEqual(['1', '2']);
  });

  it('leave out what is larger than the client takes', () => {
    const harness = createHarness();
    const receiver = harness.connect('r', { maximumPacketBytes: 50 });
    receiver.subscribe('t');
    const sender = harness.connect('s');
    sender.publish('t', 'x'.repeat(100));
    sender.publish('t', 'small');
    expect(receiver.port.payloads()).toEqual(['small']);
    expect(receiver.connection.session.inflight.size).toBe(1);
  });

  it('refuse one subscription too many with 0x97', () => {
    const client = createHarness({ limits: { maxSubscriptionsPerClient: 1 } }).connect('c');
    client.subscribe('a');
    client.subscribe('b');
    expect(client.port.take('suback')).toMatchObject([{ granted: [2] }, { granted: [0x97] }]);
  });

  it('refuse a retained message too many with 0x97, and none that replaces one', () => {
    const client = createHarness({ limits: { maxRetainedMessages: 1 } }).connect('c');
    for (const topic of ['a', 'b', 'a']) client.publish(topic, 'x', { retain: true });
    expect(client.port.take('puback')).toMatchObject([
      { reasonCode: 0x10 },
      { reasonCode: 0x97 },
      { reasonCode: 0x10 },
    ]);
  });
});

describe('refusals', () => {
  it('answers enhanced authentication with 0x8C', () => {
    const harness = createHarness();
    const client = harness.connect('c', { authenticationMethod: 'SCRAM' });
    expect(client.port.take('connack')).toMatchObject([{ reasonCode: 0x8c }]);
    expect(client.port.closed).toBe(true);
  });

  it('answers what the hook forbids with 0x87', () => {
    const harness = createHarness({ authorize: (_client, _action, topic) => topic !== 'secret' });
    const client = harness.connect('c');
    client.publish('secret', 'x');
    client.subscribe('secret');
    expect(client.port.take('puback')).toMatchObject([{ reasonCode: 0x87 }]);
    expect(client.port.take('suback')).toMatchObject([{ granted: [0x87] }]);
  });

  it('keeps $SYS for itself', () => {
    const client = createHarness().connect('c');
    client.publish('$SYS/broker/boot-id', 'x', { retain: true });
    expect(client.port.take('puback')).toMatchObject([{ reasonCode: 0x87 }]);
  });

  it('asks again when a will is sent, with the user and the topic of its client', () => {
    const asked: unknown[] = [];
    let allowed = true;
    const harness = createHarness({
      authorize: ({ clientId, username }, action, topic, details) => {
        if (action === 'publish') asked.push([clientId, username, topic, details?.qos]);
        return allowed;
      },
    });
    const witness = harness.connect('witness');
    witness.subscribe('#');
    const admitted = { username: 'pump', mount: 'tenant/' };
    for (const clientId of ['a', 'b'])
      harness.connect(clientId, { will: will('w', clientId) }, admitted).drop();
    expect(witness.port.payloads()).toEqual(['a', 'b']);
    expect(asked).toEqual(['a', 'a', 'b', 'b'].map((clientId) => [clientId, 'pump', 'w', 1]));
    const late = harness.connect('late', { will: will('w', 'late') }, admitted);
    allowed = false;
    late.drop();
    expect(witness.port.payloads()).toEqual([]);
    expect(harness.engine.stats.publishesRefused).toBe(1);
  });

  it('ends subscriptions that the rules forbid now, of clients that are here and of those that come back', () => {
    const forbidden = new Set<string>();
    const harness = createHarness({
      authorize: (_client, action, topic) => action === 'publish' || !forbidden.has(topic),
    });
    const admitted = { mount: 'tenant/' };
    const [here, away, untouched] = ['here', 'away', 'untouched'].map((clientId) =>
      harness.connect(clientId, persistent, admitted),
    ) as [FakeClient, FakeClient, FakeClient];
    for (const client of [here, away]) {
      client.subscribe('$share/g/secret');
      client.subscribe('open');
    }
    untouched.subscribe('open');
    away.drop();
    forbidden.add('secret');
    const { engine } = harness;
    const all = [here, away, untouched].map(({ connection }) => engine.recheck(connection, harness.now));
    expect(all).toEqual([true, false, false]);
    const reasonString = 'subscriptions: not allowed any more: $share/g/secret';
    expect(here.port.take('disconnect')).toMatchObject([{ reasonCode: 0x87, properties: { reasonString } }]);
    expect(here.port.closed).toBe(true);
    const back = harness.connect('away', persistent, admitted);
    expect(back.port.take('connack')).toMatchObject([
      { reasonCode: 0, sessionPresent: true, properties: { reasonString } },
    ]);
    const again = harness.connect('here', persistent, admitted);
    expect(again.port.take('connack')).toMatchObject([{ sessionPresent: true, reasonCode: 0 }]);
    for (const topic of ['secret', 'open']) harness.connect('sender', {}, admitted).publish(topic, topic);
    expect([again, back, untouched].map(({ port }) => port.payloads())).toEqual([
      ['open'],
      ['open'],
      ['open'],
    ]);
    forbidden.clear();
    again.subscribe('$share/g/secret', { qos: 1 });
    expect(again.port.take('suback')).toMatchObject([{ granted: [1] }]);
  });

  it('takes back what a forbidden subscription brought into a queue; another member of its group gets it', () => {
    const forbidden = new Set<string>();
    const harness = createHarness({
      authorize: ({ clientId }, action, topic) =>
        action === 'publish' || !forbidden.has(`${clientId} ${topic}`),
    });
    const [away, member] = ['away', 'member'].map((id) => harness.connect(id, persistent)) as [
      FakeClient,
      FakeClient,
    ];
    for (const filter of ['secret/#', 'secret/known', 'open', '$share/g/work']) away.subscribe(filter);
    away.drop();
    for (const clientId of ['away secret/#', 'away work']) forbidden.add(clientId);
    const sender = harness.connect('sender');
    for (const topic of ['secret/plan', 'secret/known', 'open', 'work']) sender.publish(topic, topic);
    member.drop();
    const late = harness.connect('member', persistent);
    late.subscribe('$share/g/work');
    const back = harness.connect('away', persistent);
    expect(back.port.payloads()).toEqual(['secret/known', 'open']);
    expect(late.port.payloads()).toEqual(['work']);
    expect(back.connection.session.queuedBytes).toBe(0);
    expect(harness.engine.stats.messagesDropped).toBe(1);
  });

  it('takes back what waits for a client that is here and reads slowly', () => {
    let allowed = true;
    const harness = createHarness({ authorize: (_client, action) => action === 'publish' || allowed });
    const slow = harness.connect('slow', { ...persistent, receiveMaximum: 1 });
    slow.subscribe('t');
    const sender = harness.connect('sender');
    for (const payload of ['sent', 'waiting']) sender.publish('t', payload);
    allowed = false;
    expect(harness.engine.recheck(slow.connection, harness.now)).toBe(true);
    const back = harness.connect('slow', persistent);
    expect(back.port.payloads()).toEqual(['sent']);
  });

  it('ends the subscriptions of a namespace that the client is not in any more', () => {
    const harness = createHarness();
    const before = harness.connect('moved', persistent, { mount: 'one/' });
    before.subscribe('t');
    before.drop();
    harness.connect('sender', {}, { mount: 'one/' }).publish('t', 'theirs');
    const after = harness.connect('moved', persistent, { mount: 'two/' });
    const reasonString = 'subscriptions: not allowed any more: one/t';
    expect(after.port.take('connack')).toMatchObject([
      { sessionPresent: true, properties: { reasonString } },
    ]);
    expect(after.port.payloads()).toEqual([]);
    expect(after.connection.session.subscriptions.size).toBe(0);
  });

  it('assigns a client id when there is none', () => {
    const client = createHarness().connect('');
    expect(client.port.take('connack')).toMatchObject([
      { properties: { assignedClientIdentifier: 'assigned' } },
    ]);
  });
});

describe('topic aliases', () => {
  it('of the client are resolved, and refused when unknown or out of range', () => {
    const harness = createHarness();
    const receiver = harness.connect('r');
    receiver.subscribe('t');
    const sender = harness.connect('s');
    sender.publish('t', '1', { properties: properties({ topicAlias: 1 }) });
    sender.publish('', '2', { properties: properties({ topicAlias: 1 }) });
    expect(receiver.port.payloads()).toEqual(['1', '2']);
    expect(() => sender.publish('', '3', { properties: properties({ topicAlias: 2 }) })).toThrow(
      expect.objectContaining({ reasonCode: 0x82 }),
    );
    expect(() => sender.publish('t', '3', { properties: properties({ topicAlias: 0 }) })).toThrow(
      expect.objectContaining({ reasonCode: 0x94 }),
    );
  });

  it('of the server are used when the client allows them', () => {
    const harness = createHarness();
    const receiver = harness.connect('r', { topicAliasMaximum: 1 });
    receiver.subscribe('#');
    const sender = harness.connect('s');
    for (const topic of ['a', 'a', 'b']) sender.publish(topic, 'x');
    const got = published(receiver).map((packet) => [packet.topic, packet.properties?.topicAlias]);
    expect(got).toEqual([
      ['a', 1],
      ['', 1],
      ['b', undefined],
    ]);
  });
});
