import type { IPublishPacket, Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';

import { useBroker } from './fixture.ts';
import {
  packet,
  payloadsOf,
  PERSISTENT,
  publishPacket,
  RawClient,
  SURROGATE,
  text,
  USER_PROPERTIES,
} from './raw-client.ts';

const fixture = useBroker();

async function receiver(filter = 't', ...connect: Parameters<RawClient['connect']> | []): Promise<RawClient> {
  const [clientId = 'receiver', fields] = connect;
  const client = await fixture.client(clientId, fields);
  await client.subscribe(filter);
  return client;
}

describe('a packet that is not as specified ends the connection', () => {
  const topic = text('t');
  it.each([
    ['MQTT-3.3.1-4', 'PUBLISH with QoS 3', packet(0x36, topic, 0, 1, 0), 0x81],
    ['MQTT-3.3.1-2', 'PUBLISH with QoS 0 and DUP', packet(0x38, topic, 0), 0x81],
    ['MQTT-3.3.2-1', 'a topic that is not UTF-8', packet(0x30, text(SURROGATE), 0), 0x81],
    ['MQTT-1.5.4-1', 'a topic with a surrogate', packet(0x30, text(SURROGATE), 0), 0x81],
    ['MQTT-4.7.3-2', 'a topic with U+0000', packet(0x30, text(Buffer.from([0])), 0), 0x81],
    ['MQTT-4.7.3-1', 'an empty topic without an alias', packet(0x30, text(''), 0), 0x90],
    ['MQTT-3.3.2-2, MQTT-4.7.0-1', 'a topic with +', packet(0x30, text('a/+'), 0), 0x90],
    ['MQTT-3.3.2-2, MQTT-4.7.0-1', 'a topic with #', packet(0x30, text('#'), 0), 0x90],
    ['MQTT-2.2.1-3', 'packet identifier 0', packet(0x32, topic, 0, 0, 0), 0x82],
    ['MQTT-3.3.2-8', 'topic alias 0', packet(0x30, topic, 3, 0x23, 0, 0), 0x94],
    ['MQTT-3.3.2-9', 'a topic alias above the maximum', packet(0x30, topic, 3, 0x23, 0, 65), 0x94],
    ['MQTT-3.3.2-13', 'a response topic that is not UTF-8', packet(0x30, topic, 6, 8, text(SURROGATE)), 0x81],
    ['MQTT-3.3.2-14', 'a response topic with a wildcard', packet(0x30, topic, 4, 8, text('#')), 0x82],
    ['MQTT-3.3.2-19', 'a content type that is not UTF-8', packet(0x30, topic, 6, 3, text(SURROGATE)), 0x81],
    ['MQTT-3.3.4-6', 'a subscription identifier in PUBLISH', packet(0x30, topic, 2, 0x0b, 1), 0x82],
    ['MQTT-1.5.5-1', 'a remaining length in more bytes than it needs', Buffer.from([0xc0, 0x80, 0x00]), 0x81],
    ['MQTT-2.1.3-1', 'reserved bits of PUBACK', packet(0x41, 0, 1), 0x81],
    ['MQTT-3.6.1-1', 'reserved bits of PUBREL', packet(0x60, 0, 1), 0x81],
    ['MQTT-3.4.2-1', 'a reason code that PUBACK does not have', packet(0x40, 0, 1, 0x92), 0x82],
    ['MQTT-3.5.2-1', 'a reason code that PUBREC does not have', packet(0x50, 0, 1, 0x01), 0x82],
    ['MQTT-3.6.2-1', 'a reason code that PUBREL does not have', packet(0x62, 0, 1, 0x80), 0x82],
    ['MQTT-3.7.2-1', 'a reason code that PUBCOMP does not have', packet(0x70, 0, 1, 0x10), 0x82],
    ['MQTT-4.13.1-1', 'packet type 0', packet(0x00), 0x81],
    ['MQTT-4.13.1-1', 'a packet that only a server sends', packet(0x90, 0, 1, 0, 0), 0x82],
  ])('%s: %s', async (_id, _what, bytes, reasonCode) => {
    const client = await fixture.client('bad');
    client.send(bytes);
    expect(await client.rest()).toMatchObject([{ cmd: 'disconnect', reasonCode }]);
  });
});

describe('messages are passed on', () => {
  it('MQTT-3.3.2-4, MQTT-3.3.2-15, MQTT-3.3.2-16, MQTT-3.3.2-17, MQTT-3.3.2-20: with all their properties', async () => {
    const watcher = await receiver();
    const properties = {
      payloadFormatIndicator: true,
      responseTopic: 'réponse/1',
      correlationData: Buffer.from([0, 1, 255]),
      contentType: 'text/plain',
      userProperties: { a: ['1', '2'] },
    };
    const sender = await fixture.client('sender');
    await sender.publish('t', 'x', { properties });
    expect((await watcher.publication()).properties).toEqual(properties);
  });

  it('MQTT-3.3.2-18: with user properties in their order', async () => {
    const watcher = await receiver();
    const bytes = new Promise<Buffer>((resolve) => watcher.socket.once('data', resolve));
    const sender = await fixture.client('sender');
    sender.send(packet(0x30, text('t'), USER_PROPERTIES.length, USER_PROPERTIES));
    expect((await bytes).includes(USER_PROPERTIES)).toBe(true);
  });

  it('MQTT-1.5.4-3: with a byte order mark where there was one', async () => {
    const topic = '\u{feff}t';
    const watcher = await receiver(topic);
    const sender = await fixture.client('sender');
    await sender.publish(topic, 'x', { properties: { contentType: '\u{feff}text' } });
    await sender.publish('t', 'not this');
    const got = await watcher.publications();
    expect(got.map((one) => [one.topic, one.properties?.contentType])).toEqual([[topic, '\u{feff}text']]);
  });

  it.each([
    ['MQTT-4.3.1-1, MQTT-2.2.1-2', 0],
    ['MQTT-4.3.2-2, MQTT-4.3.2-1, MQTT-2.2.1-4', 1],
    ['MQTT-4.3.3-2, MQTT-4.3.3-1, MQTT-2.2.1-4', 2],
  ] as const)('%s, MQTT-3.3.1-3, MQTT-2.2.2-1: with QoS %i and no DUP', async (_id, qos) => {
    const watcher = await receiver();
    const bytes = new Promise<Buffer>((resolve) => watcher.socket.once('data', resolve));
    const sender = await fixture.client('sender');
    sender.send(publishPacket('t', 'x', { qos, messageId: 99, dup: qos > 0 }));
    const got = await watcher.publication();
    expect(got).toMatchObject({ qos, dup: false, payload: Buffer.from('x') });
    expect(got.messageId === undefined).toBe(qos === 0);
    // Topic, identifier, a property length of 0, the payload, and nothing else.
    expect(await bytes).toHaveLength(2 + 3 + (qos > 0 ? 2 : 0) + 1 + 1);
  });

  it(
    'MQTT-2.2.1-4, MQTT-4.3.2-1: with identifiers that are not in use, also after the numbers ran out',
    { timeout: 60_000 },
    async () => {
      const watcher = await receiver();
      const sender = await fixture.client('sender');
      await sender.publish('t', 'held');
      const held = (await watcher.publication()).messageId as number;
      const seen = new Set([held]);
      for (let round = 0; round < 66; round++) {
        const batch = Array.from({ length: 1000 }, (_, i) =>
          publishPacket('t', '', { qos: 1, messageId: i + 1 }),
        );
        sender.send(...batch);
        for (let i = 0; i < 1000; i++) {
          const { messageId } = await watcher.publication();
          if (messageId === held || messageId === 0) throw new Error(`identifier ${messageId} was taken`);
          seen.add(messageId as number);
          watcher.send({ cmd: 'puback', messageId } as Packet);
        }
      }
      expect(seen.size).toBe(65_535);
    },
  );
});

describe('retained messages', () => {
  it('MQTT-3.3.1-5, MQTT-3.3.1-8: are replaced by the next one, and left alone by others', async () => {
    const sender = await fixture.client('sender');
    await sender.publish('t', 'old', { retain: true });
    await sender.publish('t', 'new', { retain: true });
    await sender.publish('t', 'passing');
    await sender.publish('t', '');
    const late = await receiver();
    expect(payloadsOf(await late.publications())).toEqual(['new']);
  });

  it('MQTT-3.3.1-6, MQTT-3.3.1-7: are deleted by an empty one, which is delivered', async () => {
    const watcher = await receiver();
    const sender = await fixture.client('sender');
    await sender.publish('t', 'kept', { retain: true });
    await sender.publish('t', '', { retain: true });
    expect(payloadsOf(await watcher.publications())).toEqual(['kept', '']);
    expect(fixture.broker.stats().retained).toBe(0);
    const late = await fixture.client('late');
    await late.subscribe('t');
    expect(await late.publications()).toEqual([]);
  });
});

describe('topic aliases', () => {
  it('MQTT-3.3.2-12: of a client are accepted up to the maximum, and can be changed', async () => {
    const watcher = await receiver('#');
    const sender = await fixture.open();
    const { properties } = await sender.connect('sender');
    const topicAlias = properties?.topicAliasMaximum as number;
    expect(topicAlias).toBe(64);
    for (const topic of ['first', '', 'second', ''])
      await sender.publish(topic, 'x', { properties: { topicAlias } });
    const topics = (await watcher.publications()).map(({ topic }) => topic);
    expect(topics).toEqual(['first', 'first', 'second', 'second']);
  });

  it('MQTT-3.3.2-7: end with the connection', async () => {
    const sender = await fixture.client('sender', PERSISTENT);
    await sender.publish('t', 'x', { properties: { topicAlias: 1 } });
    sender.destroy();
    await sender.closed;
    const again = await fixture.client('sender', PERSISTENT);
    again.send(publishPacket('', 'x', { properties: { topicAlias: 1 } }));
    expect(await again.rest()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x82 }]);
  });

  it('MQTT-3.1.2-26, MQTT-3.3.2-11, MQTT-3.3.2-7: of the broker stay within the maximum of the client, on each connection anew', async () => {
    const two = { ...PERSISTENT, properties: { sessionExpiryInterval: 60, topicAliasMaximum: 2 } };
    let watcher = await receiver('#', 'receiver', two);
    const sender = await fixture.client('sender');
    const round = async (): Promise<(readonly [string, number | undefined])[]> => {
      for (const topic of ['a', 'b', 'c', 'a', 'b', 'c']) await sender.publish(topic, 'x', { qos: 0 });
      return (await watcher.publications()).map(({ topic, properties }) => [topic, properties?.topicAlias]);
    };
    sender.publish = (topic, payload, fields) =>
      Promise.resolve(sender.send(publishPacket(topic, payload, fields)).pending() as never);
    const expected = [
      ['a', 1],
      ['b', 2],
      ['c', undefined],
      ['', 1],
      ['', 2],
      ['c', undefined],
    ];
    expect(await round()).toEqual(expected);
    watcher.destroy();
    await watcher.closed;
    watcher = await fixture.client('receiver', two);
    expect(await round()).toEqual(expected);
  });

  it('MQTT-3.1.2-27: are not sent to a client that allows none', async () => {
    const watcher = await receiver('#');
    const sender = await fixture.client('sender');
    for (let i = 0; i < 3; i++) await sender.publish('a', 'x');
    const got = await watcher.publications();
    expect(got.map(({ topic, properties }) => [topic, properties])).toEqual(
      [1, 2, 3].map(() => ['a', undefined]),
    );
  });
});

describe('the acknowledgements of the broker', () => {
  it('MQTT-3.3.4-1, MQTT-2.2.1-5, MQTT-4.3.2-4, MQTT-4.3.3-8, MQTT-4.3.3-11: are as the QoS says, with the identifier', async () => {
    const sender = await fixture.client('sender');
    sender.send(
      publishPacket('t', '0'),
      publishPacket('t', '1', { qos: 1, messageId: 11 }),
      publishPacket('t', '2', { qos: 2, messageId: 12 }),
      { cmd: 'pubrel', messageId: 12 },
    );
    expect(await sender.pending()).toMatchObject([
      { cmd: 'puback', messageId: 11 },
      { cmd: 'pubrec', messageId: 12 },
      { cmd: 'pubcomp', messageId: 12, reasonCode: 0 },
    ]);
  });

  it('MQTT-4.6.0-2, MQTT-4.6.0-3: come in the order of the messages', async () => {
    const sender = await fixture.client('sender');
    const ids = Array.from({ length: 50 }, (_, i) => ((i * 17) % 50) + 1);
    sender.send(
      ...ids.map((messageId) => publishPacket('t', 'x', { qos: messageId % 2 === 0 ? 1 : 2, messageId })),
    );
    const got = (await sender.pending()) as { cmd: string; messageId: number }[];
    expect(got.map(({ messageId }) => messageId)).toEqual(ids);
    expect(got.every(({ cmd, messageId }) => cmd === (messageId % 2 === 0 ? 'puback' : 'pubrec'))).toBe(true);
  });

  it('MQTT-4.3.2-5: after PUBACK the same identifier is a new message', async () => {
    const watcher = await receiver();
    const sender = await fixture.client('sender');
    for (const dup of [false, true]) await sender.publish('t', 'x', { messageId: 5, dup });
    expect(await watcher.publications()).toHaveLength(2);
  });

  it('MQTT-4.3.3-10, MQTT-4.3.3-12: before PUBREL it is the same message, after PUBCOMP a new one', async () => {
    const watcher = await receiver();
    const sender = await fixture.client('sender');
    const publish = (dup: boolean): Packet => publishPacket('t', 'x', { qos: 2, messageId: 5, dup });
    sender.send(publish(false), publish(true), publish(false));
    expect(await sender.pending()).toMatchObject([1, 2, 3].map(() => ({ cmd: 'pubrec', messageId: 5 })));
    expect(await watcher.publications()).toHaveLength(1);
    sender.send({ cmd: 'pubrel', messageId: 5 }, publish(false));
    expect(await sender.pending()).toMatchObject([{ cmd: 'pubcomp' }, { cmd: 'pubrec' }]);
    expect(await watcher.publications()).toHaveLength(1);
  });

  it('MQTT-4.3.3-9: after PUBREC 0x80 or above the same identifier is a new message', async () => {
    let allowed = false;
    await fixture.restart({ authorize: (_client, action) => action === 'subscribe' || allowed });
    const watcher = await receiver();
    const sender = await fixture.client('sender');
    sender.send(publishPacket('t', 'x', { qos: 2, messageId: 5 }));
    expect(await sender.next()).toMatchObject({ cmd: 'pubrec', reasonCode: 0x87 });
    allowed = true;
    sender.send(publishPacket('t', 'x', { qos: 2, messageId: 5 }));
    expect(await sender.next()).toMatchObject({ cmd: 'pubrec', reasonCode: 0 });
    expect(await watcher.publications()).toHaveLength(1);
  });

  it('MQTT-3.7.2-1, MQTT-3.6.2-1: tell that an identifier is not in use', async () => {
    const client = await fixture.client('a');
    client.send({ cmd: 'pubrel', messageId: 9 }, { cmd: 'pubrec', messageId: 9 });
    expect(await client.pending()).toMatchObject([
      { cmd: 'pubcomp', messageId: 9, reasonCode: 0x92 },
      { cmd: 'pubrel', messageId: 9, reasonCode: 0x92 },
    ]);
  });

  it.each([
    ['MQTT-3.4.2-2, MQTT-3.4.2-1', 1, 'puback'],
    ['MQTT-3.5.2-2, MQTT-3.5.2-1', 2, 'pubrec'],
  ] as const)('%s: have a reason string only if it fits', async (_id, qos, cmd) => {
    await fixture.restart({ authorize: () => false });
    const reasons = [];
    for (const maximumPacketSize of [1000, 40]) {
      const client = await fixture.client(`m${maximumPacketSize}`, { properties: { maximumPacketSize } });
      const ack = await client.publish('some/topic/with/a/name', 'x', { qos });
      expect(ack).toMatchObject({ cmd, reasonCode: 0x87 });
      expect(client.sizeOf(ack)).toBeLessThanOrEqual(maximumPacketSize);
      reasons.push((ack as { properties?: { reasonString?: string } }).properties?.reasonString);
    }
    expect(reasons).toEqual([expect.stringContaining('not allowed'), undefined]);
  });

  it.each([
    ['MQTT-3.6.2-2', 'pubrec', 'pubrel'],
    ['MQTT-3.7.2-2', 'pubrel', 'pubcomp'],
  ] as const)('%s: also of %s', async (_id, sent, cmd) => {
    const reasons = [];
    for (const maximumPacketSize of [1000, 30]) {
      const client = await fixture.client(`m${maximumPacketSize}`, { properties: { maximumPacketSize } });
      const ack = await client.send({ cmd: sent, messageId: 9 }).next();
      expect(ack).toMatchObject({ cmd, reasonCode: 0x92 });
      expect(client.sizeOf(ack)).toBeLessThanOrEqual(maximumPacketSize);
      reasons.push((ack as { properties?: { reasonString?: string } }).properties?.reasonString);
    }
    expect(reasons).toEqual(['packet identifier: not in use', undefined]);
  });

  it('MQTT-3.1.2-29: have no reason strings for a client that wants none', async () => {
    await fixture.restart({ authorize: () => false });
    const client = await fixture.client('a', { properties: { requestProblemInformation: false } });
    client.send(
      publishPacket('t', 'x', { qos: 1, messageId: 1 }),
      publishPacket('t', 'x', { qos: 2, messageId: 2 }),
      { cmd: 'pubrel', messageId: 3 },
      { cmd: 'pubrec', messageId: 4 },
      { cmd: 'subscribe', messageId: 5, subscriptions: [{ topic: 't', qos: 0 }] },
      { cmd: 'unsubscribe', messageId: 6, unsubscriptions: ['a/#/b'] },
    );
    const said = await client.pending();
    expect(said).toHaveLength(6);
    for (const { properties } of said as { properties?: object }[])
      expect(properties ?? {}).not.toHaveProperty('reasonString');
  });
});

describe('flow control', () => {
  it('MQTT-3.3.4-9, MQTT-4.9.0-1, MQTT-4.9.0-2, MQTT-4.3.2-3, MQTT-4.3.3-3, MQTT-4.3.3-5: no more than the Receive Maximum is unacknowledged', async () => {
    const watcher = await receiver('t', 'receiver', { properties: { receiveMaximum: 2 } });
    const sender = await fixture.client('sender');
    for (let i = 0; i < 4; i++) await sender.publish('t', `${i}`, { qos: i === 1 ? 2 : 1, messageId: i + 1 });
    const [one, two] = (await watcher.publications()) as [IPublishPacket, IPublishPacket];
    expect([one, two].map(({ payload }) => payload.toString())).toEqual(['0', '1']);
    watcher.send({ cmd: 'puback', messageId: one.messageId as number });
    expect(payloadsOf(await watcher.publications())).toEqual(['2']);
    // PUBREC does not make room, PUBCOMP does.
    watcher.send({ cmd: 'pubrec', messageId: two.messageId as number });
    expect(await watcher.pending()).toMatchObject([{ cmd: 'pubrel', messageId: two.messageId }]);
    watcher.send({ cmd: 'pubcomp', messageId: two.messageId as number });
    expect(payloadsOf(await watcher.publications())).toEqual(['3']);
  });

  it('MQTT-3.3.4-9: PUBREC 0x80 or above makes room as well', async () => {
    const watcher = await receiver('t', 'receiver', { properties: { receiveMaximum: 1 } });
    const sender = await fixture.client('sender');
    for (let i = 0; i < 2; i++) await sender.publish('t', `${i}`, { qos: 2, messageId: i + 1 });
    const [one] = await watcher.publications();
    watcher.send({ cmd: 'pubrec', messageId: one?.messageId as number, reasonCode: 0x83 });
    expect(payloadsOf(await watcher.publications())).toEqual(['1']);
  });

  it('MQTT-3.3.4-10, MQTT-4.9.0-3: everything else goes on meanwhile', async () => {
    const watcher = await receiver('t', 'receiver', { properties: { receiveMaximum: 1 } });
    const sender = await fixture.client('sender');
    for (let i = 0; i < 3; i++) await sender.publish('t', `${i}`, { messageId: i + 1 });
    expect(await watcher.publications()).toHaveLength(1);
    sender.send(publishPacket('t', 'QoS 0'));
    await sender.pending();
    expect(payloadsOf(await watcher.publications())).toEqual(['QoS 0']);
    watcher.send(publishPacket('u', 'x', { qos: 1, messageId: 1 }), {
      cmd: 'unsubscribe',
      messageId: 2,
      unsubscriptions: ['t'],
    });
    expect(await watcher.pending()).toMatchObject([{ cmd: 'puback' }, { cmd: 'unsuback' }]);
  });

  it('MQTT-3.3.4-7: a client that exceeds the Receive Maximum of the broker is told 0x93', async () => {
    await fixture.restart({ limits: { receiveMaximum: 3 } });
    const sender = await fixture.open();
    expect((await sender.connect('a')).properties).toMatchObject({ receiveMaximum: 3 });
    sender.send(...[1, 2, 3, 4].map((messageId) => publishPacket('t', 'x', { qos: 2, messageId })));
    const said = await sender.rest();
    expect(said.at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x93 });
  });

  it('MQTT-3.3.4-9, MQTT-4.4.0-1, MQTT-4.6.0-1: holds also for what is repeated after a reconnect, in its order', async () => {
    const first = await receiver('t', 'receiver', PERSISTENT);
    const sender = await fixture.client('sender');
    for (let i = 0; i < 5; i++) await sender.publish('t', `${i}`, { messageId: i + 1, qos: i === 3 ? 2 : 1 });
    expect(payloadsOf(await first.publications())).toEqual(['0', '1', '2', '3', '4']);
    await first.leave();
    await sender.publish('t', 'after', { messageId: 9 });
    const again = await fixture.client('receiver', {
      clean: false,
      properties: { sessionExpiryInterval: 60, receiveMaximum: 2 },
    });
    const seen: string[] = [];
    for (let room = 2; seen.length < 6; room = 1) {
      const got = await again.publications();
      expect(got).toHaveLength(room);
      for (const { payload, dup } of got) seen.push(`${payload.toString()}${dup ? ' again' : ''}`);
      const { messageId, qos } = got[0] as IPublishPacket;
      const acks: Packet[] =
        qos === 1
          ? [{ cmd: 'puback', messageId: messageId as number }]
          : [
              { cmd: 'pubrec', messageId: messageId as number },
              { cmd: 'pubcomp', messageId: messageId as number },
            ];
      again.send(...acks);
    }
    expect(seen).toEqual(['0 again', '1 again', '2 again', '3 again', '4 again', 'after']);
  });
});

describe('after a reconnect', () => {
  it('MQTT-4.4.0-1, MQTT-3.3.1-1, MQTT-4.1.0-1: what was not acknowledged is repeated with DUP and its identifier, and only then', async () => {
    const first = await receiver('t', 'receiver', PERSISTENT);
    const sender = await fixture.client('sender');
    await sender.publish('t', 'one');
    const { messageId } = await first.publication();
    expect(await first.publications()).toEqual([]);
    first.destroy();
    await first.closed;
    const again = await fixture.client('receiver', PERSISTENT);
    expect(await again.publication()).toMatchObject({ messageId, dup: true, payload: Buffer.from('one') });
    expect(await again.publications()).toEqual([]);
  });

  it('MQTT-4.3.3-4, MQTT-4.3.3-6, MQTT-4.4.0-1: PUBREL is repeated, and its PUBLISH is not', async () => {
    const first = await receiver('t', 'receiver', PERSISTENT);
    const sender = await fixture.client('sender');
    await sender.publish('t', 'one', { qos: 2 });
    const { messageId } = await first.publication();
    first.send({ cmd: 'pubrec', messageId: messageId as number });
    expect(await first.next()).toMatchObject({ cmd: 'pubrel', messageId });
    first.destroy();
    await first.closed;
    const again = await fixture.client('receiver', PERSISTENT);
    expect(await again.pending()).toMatchObject([{ cmd: 'pubrel', messageId }]);
  });

  it('MQTT-4.6.0-4: PUBREL packets come in the order of PUBREC', async () => {
    const watcher = await receiver();
    const sender = await fixture.client('sender');
    for (let i = 1; i < 6; i++) await sender.publish('t', 'x', { qos: 2, messageId: i });
    const ids = (await watcher.publications()).map(({ messageId }) => messageId as number).toReversed();
    watcher.send(...ids.map((messageId): Packet => ({ cmd: 'pubrec', messageId })));
    const released = (await watcher.pending()) as { cmd: string; messageId: number }[];
    expect(released.map(({ cmd, messageId }) => [cmd, messageId])).toEqual(ids.map((id) => ['pubrel', id]));
  });

  it.each(['puback', 'pubrec'] as const)(
    'MQTT-4.4.0-2: what was refused by %s 0x80 or above is not repeated',
    async (cmd) => {
      const first = await receiver('t', 'receiver', PERSISTENT);
      const sender = await fixture.client('sender');
      await sender.publish('t', 'one', { qos: cmd === 'puback' ? 1 : 2 });
      const { messageId } = await first.publication();
      first.send({ cmd, messageId: messageId as number, reasonCode: 0x83 });
      expect(await first.pending()).toEqual([]);
      first.destroy();
      await first.closed;
      const again = await fixture.client('receiver', PERSISTENT);
      expect(await again.pending()).toEqual([]);
    },
  );
});

describe('packets that are too large', () => {
  it('MQTT-3.1.2-24, MQTT-3.1.2-25: a message is dropped for the client that cannot take it, and for nobody else', async () => {
    const small = await receiver('t', 'small', { properties: { maximumPacketSize: 100, receiveMaximum: 1 } });
    const large = await receiver('t', 'large');
    const sender = await fixture.client('sender');
    await sender.publish('t', 'x'.repeat(200));
    await sender.publish('t', 'next');
    expect(payloadsOf(await small.publications())).toEqual(['next']);
    expect(payloadsOf(await large.publications())).toEqual(['x'.repeat(200), 'next']);
    expect(fixture.broker.stats().messagesDropped).toBe(1);
  });

  it('MQTT-3.2.2-15: a client that sends one is told 0x95 before it has sent it all', async () => {
    await fixture.restart({ limits: { maxPacketBytes: 1000 } });
    const client = await fixture.open();
    expect((await client.connect('a')).properties).toMatchObject({ maximumPacketSize: 1000 });
    client.send(Buffer.from([0x30, 0xe9, 0x07]));
    expect(await client.rest()).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x95 }]);
  });
});

it('MQTT-4.6.0-5, MQTT-4.6.0-6: messages of a topic and QoS stay in their order', async () => {
  const watcher = await receiver('t', 'receiver', { properties: { receiveMaximum: 3 } });
  const sender = await fixture.client('sender');
  const sent = Array.from({ length: 200 }, (_, i) => i);
  sender.send(...sent.map((i) => publishPacket('t', String(i), { qos: 1, messageId: i + 1 })));
  const got: number[] = [];
  while (got.length < sent.length) {
    const { payload, messageId } = await watcher.publication();
    got.push(Number(payload.toString()));
    watcher.send({ cmd: 'puback', messageId: messageId as number });
  }
  expect(got).toEqual(sent);
});
