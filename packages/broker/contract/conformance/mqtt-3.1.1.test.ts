import { describe, expect, it } from 'vitest';

import { useBroker } from './fixture.ts';
import { packet, publishPacket, rawConnect, text, type RawClient } from './raw-client.ts';

const fixture = useBroker();
const OLD = { protocolVersion: 4 } as const;
const connectOld = (parts: Parameters<typeof rawConnect>[0] & { readonly flags: number }): Buffer => {
  const { name = 'MQTT', level = 4, flags, payload = [text('raw')] } = parts;
  return packet(0x10, text(name), level, flags, 0, 0, ...payload);
};

/** Bytes of the broker until it closes. */
async function answerTo(bytes: Buffer): Promise<string> {
  const client: RawClient = await fixture.open(4);
  const chunks: Buffer[] = [];
  client.socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  client.send(bytes);
  await client.closed;
  return Buffer.concat(chunks).toString('hex');
}

describe('a client of MQTT 3.1.1', () => {
  it.each([
    ['1, version', connectOld({ level: 3, flags: 2 }), '20020001'],
    ['1, version of MQTT 3.1', connectOld({ name: 'MQIsdp', level: 3, flags: 2 }), '20020001'],
    ['2, identifier', connectOld({ flags: 0, payload: [text('')] }), '20020002'],
    [
      '5, not authorized',
      connectOld({ flags: 6, payload: [text('a'), text('$SYS/x'), text('')] }),
      '20020005',
    ],
  ])('is refused with return code %s', async (_what, bytes, answer) => {
    expect(await answerTo(bytes)).toBe(answer);
  });

  it('is refused with return code 4 for a wrong password', async () => {
    await fixture.restart({ authenticate: () => false });
    expect(await answerTo(connectOld({ flags: 0x82, payload: [text('a'), text('u')] }))).toBe('20020004');
  });

  it('is refused with return code 3 when there are too many', async () => {
    await fixture.restart({ limits: { maxConnections: 0 } });
    expect(await answerTo(connectOld({ flags: 2 }))).toBe('20020003');
  });

  it.each([
    ['a reserved connect flag', connectOld({ flags: 3 })],
    ['a password without a user name', connectOld({ flags: 0x42, payload: [text('a'), text('p')] })],
    ['bytes after the end', connectOld({ flags: 2, payload: [text('a'), text('b')] })],
  ])('is let go without a word for a CONNECT with %s', async (_what, bytes) => {
    expect(await answerTo(bytes)).toBe('');
  });

  it.each([
    ['AUTH', packet(0xf0)],
    ['a reason code in PUBACK', packet(0x40, 0, 1, 0)],
    ['content in DISCONNECT', packet(0xe0, 0)],
    ['subscription options of MQTT 5', packet(0x82, 0, 1, text('t'), 4)],
    ['QoS 3', packet(0x36, text('t'), 0, 1)],
    ['a wildcard in a topic', packet(0x30, text('a/+'))],
    ['a second CONNECT', connectOld({ flags: 2 })],
  ])('is let go without a word for %s', async (_what, bytes) => {
    const client = await fixture.client('a', OLD);
    client.send(bytes);
    expect(await client.rest()).toEqual([]);
  });

  it('is told whether there is a session, which lasts without Clean Session', async () => {
    const first = await fixture.open(4);
    expect(await first.connect('a', { ...OLD, clean: false })).toMatchObject({ sessionPresent: false });
    await first.subscribe('t', { qos: 1 });
    await first.leave();
    const sender = await fixture.client('sender');
    await sender.publish('t', 'x');
    const again = await fixture.open(4);
    expect(await again.connect('a', { ...OLD, clean: false })).toMatchObject({ sessionPresent: true });
    expect(await again.publication()).toMatchObject({ topic: 't' });
    await again.leave();
    const clean = await fixture.open(4);
    expect(await clean.connect('a', OLD)).toMatchObject({ sessionPresent: false });
  });

  it('may leave the identifier out with Clean Session', async () => {
    const client = await fixture.open(4);
    expect(await client.connect('', OLD)).toMatchObject({ cmd: 'connack', returnCode: 0 });
  });

  it('gets packets of its own format, whatever was published', async () => {
    const old = await fixture.client('old', OLD);
    const bytes: Buffer[] = [];
    expect(await old.subscribe('t', { qos: 2 })).toEqual([2]);
    old.socket.on('data', (chunk: Buffer) => bytes.push(chunk));
    const sender = await fixture.client('sender', { properties: { topicAliasMaximum: 10 } });
    const properties = {
      contentType: 'x',
      userProperties: { a: 'b' },
      messageExpiryInterval: 60,
      topicAlias: 1,
    };
    await sender.publish('t', 'x', { properties, retain: true });
    expect(await old.publication()).toMatchObject({ topic: 't', qos: 1, retain: false });
    expect(Buffer.concat(bytes).subarray(1)).toEqual(Buffer.from([6, 0, 1, 0x74, 0, 1, 0x78]));
    const five = await fixture.client('five');
    await five.subscribe('t');
    expect(await five.publication()).toMatchObject({ retain: true, properties: { contentType: 'x' } });
  });

  it('learns by SUBACK 0x80 that a subscription failed', async () => {
    await fixture.restart({ authorize: (_client, _action, topic) => topic !== 'secret' });
    const client = await fixture.client('a', OLD);
    client.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [
        { topic: 'secret', qos: 1 },
        { topic: 't', qos: 1 },
        { topic: 'a/#/b', qos: 0 },
      ],
    });
    expect(await client.next()).toMatchObject({ cmd: 'suback', granted: [0x80, 1, 0x80] });
    client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['t', 'other'] });
    expect(await client.next()).toMatchObject({ cmd: 'unsuback', messageId: 2, length: 2 });
    client.send(publishPacket('t', 'x', { qos: 2, messageId: 3 }), { cmd: 'pubrel', messageId: 3 });
    expect(await client.pending()).toMatchObject([
      { cmd: 'pubrec', length: 2 },
      { cmd: 'pubcomp', length: 2 },
    ]);
  });

  it('leaves a will, unless it says DISCONNECT', async () => {
    const watcher = await fixture.client('watcher');
    await watcher.subscribe('will');
    for (const clientId of ['leaving', 'dying']) {
      const will = { topic: 'will', payload: Buffer.from(clientId), qos: 1 as const, retain: false };
      const client = await fixture.client(clientId, { ...OLD, will });
      if (clientId === 'leaving') await client.leave();
      else client.destroy();
    }
    expect((await watcher.publication()).payload.toString()).toBe('dying');
  });

  it('shares subscriptions with clients of MQTT 5, and is taken over without a word', async () => {
    const old = await fixture.client('a', OLD);
    await old.subscribe('$share/g/$t');
    const five = await fixture.client('b');
    await five.subscribe('$share/g/$t');
    const sender = await fixture.client('sender');
    for (const payload of ['1', '2']) await sender.publish('$t', payload);
    expect([await old.publications(), await five.publications()].map(({ length }) => length)).toEqual([1, 1]);
    await fixture.client('a');
    expect(await old.rest()).toEqual([]);
  });
});
