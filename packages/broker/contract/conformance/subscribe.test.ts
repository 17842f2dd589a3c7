import type { Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';

import { useBroker } from './fixture.ts';
import {
  packet,
  payloadsOf,
  PERSISTENT,
  publishPacket,
  SURROGATE,
  text,
  type RawClient,
} from './raw-client.ts';

const fixture = useBroker();

/** SUBSCRIBE and UNSUBSCRIBE with several filters. */
const subscribeAll = (filters: readonly string[], messageId = 1): Packet => ({
  cmd: 'subscribe',
  messageId,
  subscriptions: filters.map((topic) => ({ topic, qos: 1 as const })),
});
const unsubscribeAll = (unsubscriptions: string[], messageId = 1): Packet => ({
  cmd: 'unsubscribe',
  messageId,
  unsubscriptions,
});

describe('a packet that is not as specified ends the connection', () => {
  it.each([
    ['MQTT-3.8.1-1', 'reserved bits of SUBSCRIBE', packet(0x80, 0, 1, 0, text('t'), 0), 0x81],
    ['MQTT-3.8.3-1', 'a filter that is not UTF-8', packet(0x82, 0, 1, 0, text(SURROGATE), 0), 0x81],
    ['MQTT-3.8.3-2', 'SUBSCRIBE without a filter', packet(0x82, 0, 1, 0), 0x82],
    ['MQTT-3.8.3-2', 'a filter without options', packet(0x82, 0, 1, 0, text('t')), 0x81],
    ['MQTT-3.8.3-4', 'No Local on a shared one', packet(0x82, 0, 1, 0, text('$share/g/t'), 4), 0x82],
    ['MQTT-3.8.3-5', 'reserved bits of the options', packet(0x82, 0, 1, 0, text('t'), 0x40), 0x81],
    ['MQTT-3.8.3-5', 'QoS 3', packet(0x82, 0, 1, 0, text('t'), 3), 0x81],
    ['MQTT-4.13.1-1', 'Retain Handling 3', packet(0x82, 0, 1, 0, text('t'), 0x30), 0x82],
    ['MQTT-4.13.1-1', 'subscription identifier 0', packet(0x82, 0, 1, 2, 0x0b, 0, text('t'), 0), 0x82],
    ['MQTT-4.7.3-2', 'a filter with U+0000', packet(0x82, 0, 1, 0, text(Buffer.from([0])), 0), 0x81],
    ['MQTT-3.10.1-1', 'reserved bits of UNSUBSCRIBE', packet(0xa0, 0, 1, 0, text('t')), 0x81],
    ['MQTT-3.10.3-1', 'a filter that is not UTF-8', packet(0xa2, 0, 1, 0, text(SURROGATE)), 0x81],
    ['MQTT-3.10.3-2', 'UNSUBSCRIBE without a filter', packet(0xa2, 0, 1, 0), 0x82],
  ])('%s: %s', async (_id, _what, bytes, reasonCode) => {
    const client = await fixture.client('bad');
    client.send(bytes);
    expect(await client.rest()).toMatchObject([{ cmd: 'disconnect', reasonCode }]);
    expect(fixture.broker.stats().subscriptions).toBe(0);
  });
});

describe('SUBACK', () => {
  it('MQTT-3.8.4-1, MQTT-3.8.4-2, MQTT-2.2.1-6, MQTT-3.8.4-5, MQTT-3.8.4-6, MQTT-3.8.4-7, MQTT-3.9.3-1, MQTT-3.9.3-2: has one code for each filter, in order', async () => {
    await fixture.restart({ authorize: (_client, _action, topic) => topic !== 'secret' });
    const client = await fixture.client('a');
    client.send({
      cmd: 'subscribe',
      messageId: 77,
      subscriptions: [
        { topic: 'two', qos: 2 },
        { topic: 'secret', qos: 1 },
        { topic: 'a/#/b', qos: 1 },
        { topic: 'none', qos: 0 },
        { topic: 'one', qos: 1 },
      ],
    });
    const [suback, ...more] = await client.pending();
    expect(suback).toMatchObject({ cmd: 'suback', messageId: 77, granted: [2, 0x87, 0x8f, 0, 1] });
    expect(more).toEqual([]);
    await client.publish('one', 'x');
    expect(await client.publications()).toHaveLength(1);
  });

  it('MQTT-3.9.2-1: has a reason string only if it fits', async () => {
    await fixture.restart({ authorize: () => false });
    const reasons = [];
    for (const maximumPacketSize of [1000, 40]) {
      const client = await fixture.client(`m${maximumPacketSize}`, { properties: { maximumPacketSize } });
      const suback = await client.send(subscribeAll(['some/topic/with/a/name'])).next();
      expect(suback).toMatchObject({ cmd: 'suback', granted: [0x87] });
      expect(client.sizeOf(suback)).toBeLessThanOrEqual(maximumPacketSize);
      reasons.push((suback as { properties?: { reasonString?: string } }).properties?.reasonString);
    }
    expect(reasons).toEqual([expect.stringContaining('some/topic'), undefined]);
  });

  it('MQTT-3.1.2-24: that cannot fit ends the connection with 0x95, for the client waits for it', async () => {
    const client = await fixture.client('a', { properties: { maximumPacketSize: 60 } });
    client.send(subscribeAll(Array.from({ length: 60 }, (_, i) => `t/${i}`)));
    const said = await client.rest();
    expect(said).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x95 }]);
    expect(client.sizeOf(said[0] as Packet)).toBeLessThanOrEqual(60);
  });

  it('says when there are too many subscriptions', async () => {
    await fixture.restart({ limits: { maxSubscriptionsPerClient: 1 } });
    const client = await fixture.client('a');
    expect(await client.send(subscribeAll(['a', 'b'])).next()).toMatchObject({ granted: [1, 0x97] });
  });
});

describe('subscriptions', () => {
  it.each([
    [0, 2, 0],
    [1, 2, 1],
    [2, 2, 2],
    [2, 1, 1],
    [2, 0, 0],
  ] as const)(
    'MQTT-3.8.4-8: published with %i and granted %i, a message comes with %i',
    async (published, granted, qos) => {
      const client = await fixture.client('a');
      await client.subscribe('t', { qos: granted });
      client.send(publishPacket('t', 'x', { qos: published, messageId: 1 }));
      expect((await client.publications()).map((one) => one.qos)).toEqual([qos]);
    },
  );

  it('MQTT-3.8.4-3, MQTT-3.8.4-4: are replaced by the same filter, with retained messages again and no message lost', async () => {
    const sender = await fixture.client('sender');
    await sender.publish('t', 'retained', { retain: true });
    const client = await fixture.client('a', { properties: { receiveMaximum: 1 } });
    await client.subscribe('t', { qos: 1 }, 1);
    await sender.publish('t', 'between');
    await client.publication();
    expect(await client.subscribe('t', { qos: 0 }, 2)).toEqual([0]);
    await sender.publish('t', 'after');
    const got = [...(await client.publications())];
    client.send({ cmd: 'puback', messageId: 1 });
    got.push(...(await client.publications()));
    const seen = got.map(({ payload, properties }) => [
      payload.toString(),
      properties?.subscriptionIdentifier,
    ]);
    expect(seen).toEqual([
      ['retained', 2],
      ['after', 2],
      ['between', 1],
    ]);
    expect(fixture.broker.stats().subscriptions).toBe(1);
  });

  it('MQTT-3.3.4-2, MQTT-3.3.4-3, MQTT-3.3.4-4: that overlap deliver one copy with the highest QoS and all identifiers', async () => {
    const client = await fixture.client('a');
    await client.subscribe('a/#', { qos: 0 }, 1);
    await client.subscribe('a/+', { qos: 2 }, 268_435_455);
    await client.subscribe('a/b', { qos: 1 });
    await client.subscribe('+/b', { qos: 1 }, 1);
    const sender = await fixture.client('sender');
    await sender.publish('a/b', 'x', { qos: 2 });
    const got = await client.publications();
    expect(got).toHaveLength(1);
    expect(got[0]?.qos).toBe(2);
    const ids = [got[0]?.properties?.subscriptionIdentifier].flat() as number[];
    expect(ids.toSorted((a, b) => a - b)).toEqual([1, 1, 268_435_455]);
  });

  it('MQTT-3.8.3-3: with No Local keep a message from its publisher, also a retained one', async () => {
    const [one, two] = [await fixture.client('a'), await fixture.client('b')];
    for (const client of [one, two]) await client.subscribe('t', { nl: true });
    await one.publish('t', 'x', { retain: true });
    expect(await one.publications()).toEqual([]);
    expect(await two.publications()).toHaveLength(1);
    await one.subscribe('t', { nl: true });
    expect(await one.publications()).toEqual([]);
  });

  it.each([
    ['MQTT-3.3.1-12', false],
    ['MQTT-3.3.1-13', true],
  ])('%s: with Retain As Published %s', async (_id, rap) => {
    const sender = await fixture.client('sender');
    await sender.publish('t', 'before', { retain: true });
    const client = await fixture.client('a');
    await client.subscribe('t', { rap });
    await sender.publish('t', 'retained', { retain: true });
    await sender.publish('t', 'passing');
    const got = await client.publications();
    expect(got.map(({ payload, retain }) => [payload.toString(), retain])).toEqual([
      ['before', true],
      ['retained', rap],
      ['passing', false],
    ]);
  });

  it.each([
    ['MQTT-3.3.1-9', 0, [1, 1]],
    ['MQTT-3.3.1-10', 1, [1, 0]],
    ['MQTT-3.3.1-11', 2, [0, 0]],
  ] as const)(
    '%s: with Retain Handling %i get %j retained messages for a new and for a replaced one',
    async (_id, rh, counts) => {
      const sender = await fixture.client('sender');
      await sender.publish('t', 'x', { retain: true });
      const client = await fixture.client('a');
      const got: number[] = [];
      for (let i = 0; i < 2; i++) {
        await client.subscribe('t', { rh });
        got.push((await client.publications()).length);
      }
      expect(got).toEqual(counts);
    },
  );
});

describe('UNSUBSCRIBE', () => {
  it('MQTT-3.10.4-1, MQTT-3.10.4-2, MQTT-3.10.4-4, MQTT-3.10.4-5, MQTT-3.10.4-6, MQTT-2.2.1-6, MQTT-3.11.3-1, MQTT-3.11.3-2: deletes what is written alike, and says so for each filter in order', async () => {
    const client = await fixture.client('a');
    for (const filter of ['t/+', 't/#', '$share/g/t/a']) await client.subscribe(filter);
    client.send(unsubscribeAll(['t/a', 't/+', 'T/#', 'a/#/b', '$share/g/t/a'], 99));
    expect(await client.pending()).toMatchObject([
      { cmd: 'unsuback', messageId: 99, granted: [0x11, 0, 0x11, 0x8f, 0] },
    ]);
    await client.publish('t/a', 'x');
    expect(await client.publications()).toHaveLength(1);
    client.send(unsubscribeAll(['t/#'], 100));
    expect(await client.pending()).toMatchObject([{ cmd: 'unsuback', messageId: 100, granted: [0] }]);
    await client.publish('t/a', 'x');
    expect(await client.publications()).toEqual([]);
  });

  it('MQTT-3.10.4-3: lets a delivery that had begun come to its end', async () => {
    const client = await fixture.client('a', { properties: { receiveMaximum: 1 } });
    await client.subscribe('t');
    const sender = await fixture.client('sender');
    await sender.publish('t', 'begun', { qos: 2 });
    await sender.publish('t', 'queued', { qos: 2, messageId: 8 });
    const { messageId } = await client.publication();
    client.send(unsubscribeAll(['t']));
    expect(await client.next()).toMatchObject({ cmd: 'unsuback' });
    client.send({ cmd: 'pubrec', messageId: messageId as number });
    expect(await client.next()).toMatchObject({ cmd: 'pubrel', messageId });
    client.send({ cmd: 'pubcomp', messageId: messageId as number });
    expect(payloadsOf(await client.publications())).toEqual(['queued']);
  });

  it('MQTT-3.11.2-1: is answered with a reason string only if it fits', async () => {
    const reasons = [];
    for (const maximumPacketSize of [1000, 29]) {
      const client = await fixture.client(`m${maximumPacketSize}`, { properties: { maximumPacketSize } });
      const unsuback = await client.send(unsubscribeAll(['#/a'])).next();
      expect(unsuback).toMatchObject({ cmd: 'unsuback', granted: [0x8f] });
      expect(client.sizeOf(unsuback)).toBeLessThanOrEqual(maximumPacketSize);
      reasons.push((unsuback as { properties?: { reasonString?: string } }).properties?.reasonString);
    }
    expect(reasons).toEqual(['topic filter: is not valid', undefined]);
  });
});

describe('topic filters', () => {
  it.each([
    ['MQTT-4.7.1-1', ['#', 'a/#', '/#'], ['a#', 'a/#/b', '#/b', '##', 'a/b#']],
    ['MQTT-4.7.1-2', ['+', '+/+', '/+', 'a/+/b', '+/#'], ['a+', '+a', 'a/+b', '++', 'a/b+/c']],
    ['MQTT-4.7.3-1', [' ', '/'], ['']],
    ['MQTT-4.8.2-1', ['$share/g/t', '$share/g/+/#'], ['$share/', '$share//t', '$share', '$share/g']],
    ['MQTT-4.8.2-2', ['$share/g g/t'], ['$share/g+/t', '$share/#/t', '$share/g/', '$share/+/t']],
  ])('%s: %j are valid, %j are not', async (_id, valid, invalid) => {
    const client = await fixture.client('a');
    const codes = async (filters: readonly string[]): Promise<unknown> => {
      const suback = await client.send(subscribeAll(filters)).next();
      return (suback as { granted: unknown }).granted;
    };
    expect(await codes(valid)).toEqual(valid.map(() => 1));
    // `$share` alone is an ordinary topic.
    expect(await codes(invalid)).toEqual(invalid.map((filter) => (filter === '$share' ? 1 : 0x8f)));
  });

  it.each([
    ['a/b', ['a/b'], ['a', 'a/b/', '/a/b', 'a/b/c', 'A/b']],
    ['a/#', ['a', 'a/', 'a/b', 'a/b/c'], ['ab', 'b/a', '/a']],
    ['a/+', ['a/b', 'a/'], ['a', 'a/b/c']],
    ['+/+', ['/a', 'a/b', '/'], ['a', 'a/b/c', '$x/b']],
    ['+', ['a', ' '], ['/a', 'a/b', '$x']],
    ['#', ['a', '/', 'a/b'], ['$x', '$x/y']],
    ['$x/#', ['$x/y', '$x'], ['$xx', 'x/y']],
    ['+/y', ['a/y', '/y'], ['$x/y']],
    ['/+', ['/a'], ['a', '/$a/b']],
    ['é', ['é'], ['e\u0301']],
    ['ＡＢ', ['ＡＢ'], ['AB']],
  ])(
    'MQTT-3.3.2-3, MQTT-4.7.2-1, MQTT-4.7.3-4: %s gets %j, live and retained, and not %j',
    async (filter, hits, misses) => {
      const live = await fixture.client('live');
      await live.subscribe(filter);
      const sender = await fixture.client('sender');
      for (const topic of [...hits, ...misses]) await sender.publish(topic, 'x', { retain: true });
      expect((await live.publications()).map(({ topic }) => topic)).toEqual(hits);
      const late = await fixture.client('late');
      await late.subscribe(filter);
      expect((await late.publications()).map(({ topic }) => topic).toSorted()).toEqual(hits.toSorted());
    },
  );

  it('MQTT-4.7.3-3: of 65,535 bytes are fine, topics too', async () => {
    const topic = 'x'.repeat(65_535);
    const client = await fixture.client('a');
    expect(await client.subscribe(topic)).toEqual([2]);
    await client.publish(topic, 'x');
    const [got] = await client.publications();
    expect([got?.topic.length, got?.topic === topic]).toEqual([65_535, true]);
  });
});

describe('shared subscriptions', () => {
  async function members(
    count: number,
    filter = '$share/g/t',
    options: Parameters<RawClient['subscribe']>[1] = {},
    connect: Parameters<RawClient['connect']>[1] = {},
  ): Promise<RawClient[]> {
    const clients: RawClient[] = [];
    for (let i = 0; i < count; i++) {
      const client = await fixture.client(`member-${i}`, connect);
      await client.subscribe(filter, options);
      clients.push(client);
    }
    return clients;
  }

  it.each(['t', '$t/u', '$a2a/v1/request/o/u/pool/p', '$SYS-like/x'])(
    'give each message on %s to one member, and to another group as well',
    async (topic) => {
      const all = await members(3, `$share/g/${topic}`);
      const other = await fixture.client('other');
      await other.subscribe(`$share/h/${topic}`);
      const sender = await fixture.client('sender');
      for (let i = 0; i < 9; i++) await sender.publish(topic, String(i));
      const got = await Promise.all(all.map((client) => client.publications()));
      expect(got.map(({ length }) => length)).toEqual([3, 3, 3]);
      expect(payloadsOf(got.flat()).toSorted()).toEqual(Array.from({ length: 9 }, (_, i) => String(i)));
      expect(await other.publications()).toHaveLength(9);
    },
  );

  it('are matched by wildcards as others are, and get no retained messages', async () => {
    const sender = await fixture.client('sender');
    await sender.publish('t/a', 'retained', { retain: true });
    const [one] = (await members(1, '$share/g/t/+')) as [RawClient];
    await sender.publish('t/a', 'live');
    await sender.publish('$t/a', 'not this');
    expect(payloadsOf(await one.publications())).toEqual(['live']);
  });

  it('MQTT-4.8.2-3: deliver with the QoS that was granted to the member', async () => {
    const [one] = (await members(1, '$share/g/t', { qos: 1 })) as [RawClient];
    const sender = await fixture.client('sender');
    await sender.publish('t', 'x', { qos: 2 });
    expect(await one.publication()).toMatchObject({ qos: 1 });
  });

  it('MQTT-4.8.2-6: give a message that a member refuses to nobody else', async () => {
    const all = await members(2);
    const sender = await fixture.client('sender');
    await sender.publish('t', 'x', { qos: 1 });
    const got = await Promise.all(all.map((client) => client.publications()));
    const taker = got.findIndex(({ length }) => length === 1);
    const messageId = got[taker]?.[0]?.messageId as number;
    all[taker]?.send({ cmd: 'puback', messageId, reasonCode: 0x83 });
    for (const client of all) expect(await client.publications()).toEqual([]);
    all[taker]?.destroy();
    await all[taker]?.closed;
    expect(await all[1 - taker]?.publications()).toEqual([]);
  });

  it('MQTT-4.8.2-4: finish QoS 2 with the member that it was begun with', async () => {
    const all = await members(2, '$share/g/t', {}, PERSISTENT);
    const sender = await fixture.client('sender');
    await sender.publish('t', 'x', { qos: 2 });
    const got = await Promise.all(all.map((client) => client.publications()));
    const taker = got.findIndex(({ length }) => length === 1);
    await all[taker]?.leave();
    expect(await all[1 - taker]?.publications()).toEqual([]);
    const again = await fixture.client(`member-${taker}`, PERSISTENT);
    expect(await again.publication()).toMatchObject({ qos: 2, dup: true });
  });

  it('MQTT-4.8.2-5: give QoS 2 to nobody else when the session of that member ends', async () => {
    const all = await members(2, '$share/g/t', {}, PERSISTENT);
    const sender = await fixture.client('sender');
    await sender.publish('t', 'x', { qos: 2 });
    const got = await Promise.all(all.map((client) => client.publications()));
    const taker = got.findIndex(({ length }) => length === 1);
    all[taker]?.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
    await all[taker]?.closed;
    expect(await all[1 - taker]?.publications()).toEqual([]);
    expect(fixture.broker.stats().sessions).toBe(2);
  });

  it('carry the identifier of the member', async () => {
    const client = await fixture.client('a');
    await client.subscribe('$share/g/t', {}, 5);
    await client.subscribe('t', {}, 6);
    await client.publish('t', 'x');
    const ids = (await client.publications()).map(
      ({ properties }) => properties?.subscriptionIdentifier as number,
    );
    expect(ids.toSorted((a, b) => a - b)).toEqual([5, 6]);
  });
});
