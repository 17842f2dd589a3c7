import { afterEach, describe, expect, test } from 'vitest';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { connack, startScriptedBroker, type ScriptedBroker } from '../../test/scripted-broker.ts';
import { openLink, silentLogger, type Link, type LinkOptions } from '../index.ts';
import { nextEvent } from '../testing/index.ts';

const QUICK = { minDelayMs: 5, maxDelayMs: 20 };
const links: Link[] = [];
const brokers: ScriptedBroker[] = [];

afterEach(async () => {
  for (const link of links.splice(0)) link.destroy();
  await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
});

async function broker(...script: Parameters<typeof startScriptedBroker>): Promise<ScriptedBroker> {
  const started = await startScriptedBroker(...script);
  brokers.push(started);
  return started;
}

async function open(url: string, more: Partial<LinkOptions> = {}): Promise<Link> {
  const link = await openLink({ url, clientId: 'acme/plant/one', reconnect: QUICK, ...more });
  links.push(link);
  return link;
}

const publishes = (server: ScriptedBroker): (IPublishPacket & { connection: number })[] =>
  server.received.filter((packet) => packet.cmd === 'publish') as (IPublishPacket & { connection: number })[];

const silentOn =
  (...commands: Packet['cmd'][]) =>
  (packet: Packet): [] | undefined =>
    commands.includes(packet.cmd) ? [] : undefined;

describe('CONNECT', () => {
  test('carries identity, credentials, will and properties', async () => {
    const server = await broker();
    await open(server.url.replace('mqtt://', 'mqtt://user:p%40ss@'), {
      keepAliveSeconds: 7,
      cleanStart: false,
      sessionExpirySeconds: 30,
      receiveMaximum: 12,
      userProperties: { role: 'test' },
      will: { topic: 'w', payload: 'gone', qos: 1, retain: true, delaySeconds: 3, messageExpirySeconds: 9 },
    });
    const connect = await server.waitFor('connect');
    expect(connect).toMatchObject({
      protocolVersion: 5,
      clientId: 'acme/plant/one',
      clean: false,
      keepalive: 7,
      username: 'user',
      password: Buffer.from('p@ss'),
      properties: { sessionExpiryInterval: 30, receiveMaximum: 12 },
      will: {
        topic: 'w',
        qos: 1,
        retain: true,
        properties: { willDelayInterval: 3, messageExpiryInterval: 9 },
      },
    });
  });

  test('refused: the error carries reason code and text, and nothing is tried again', async () => {
    const server = await broker((packet) =>
      packet.cmd === 'connect'
        ? [connack({ reasonCode: 0x87, properties: { reasonString: 'not you' } })]
        : undefined,
    );
    await expect(open(server.url)).rejects.toMatchObject({
      code: 'connect-refused',
      reasonCode: 0x87,
      reasonString: 'not you',
      message: expect.stringContaining('not authorized') as string,
    });
    expect(server.received.filter((packet) => packet.cmd === 'connect')).toHaveLength(1);
  });

  test('without an answer: connect-timeout; without a listener: connect-failed', async () => {
    const server = await broker(silentOn('connect'));
    await expect(open(server.url, { connectTimeoutMs: 50 })).rejects.toMatchObject({
      code: 'connect-timeout',
    });
    const gone = await startScriptedBroker();
    await gone.stop();
    await expect(open(gone.url)).rejects.toMatchObject({ code: 'connect-failed' });
  });

  test('with retryInitial the link keeps trying, and logs why it failed', async () => {
    const server = await broker((packet, connection) =>
      packet.cmd === 'connect' && connection < 3 ? [connack({ reasonCode: 0x88 })] : undefined,
    );
    const logged: unknown[] = [];
    const logger = { ...silentLogger, warn: (_text: string, fields = {}) => void logged.push(fields) };
    const link = await open(server.url, { retryInitial: true, logger });
    expect(link.state).toBe('online');
    expect(server.received.filter((packet) => packet.cmd === 'connect')).toHaveLength(3);
    expect(logged).toMatchObject([{ code: 'connect-refused' }, { code: 'connect-refused' }]);
  });

  test('an aborted attempt ends at once', async () => {
    const server = await broker(silentOn('connect'));
    const stop = new AbortController();
    const opening = open(server.url, { signal: stop.signal, retryInitial: true });
    await server.waitFor('connect');
    stop.abort();
    await expect(opening).rejects.toMatchObject({ code: 'aborted' });
  });

  test('a mayConnect that fails or hangs connects nothing and is asked again', async () => {
    const server = await broker();
    let asked = 0;
    const mayConnect = (): Promise<boolean> => {
      asked += 1;
      if (asked === 1) return Promise.reject(new Error('records unreadable'));
      return asked === 2 ? new Promise(() => undefined) : Promise.resolve(true);
    };
    await open(server.url, { mayConnect, retryInitial: true, connectTimeoutMs: 50 });
    expect(asked).toBe(3);
    expect(server.received.filter((packet) => packet.cmd === 'connect')).toHaveLength(1);
    asked = 0;
    await expect(open(server.url, { mayConnect })).rejects.toMatchObject({
      code: 'may-connect-failed',
      message: expect.stringContaining('records unreadable') as string,
    });
  });

  test.each([
    ['url', { url: 'http://x' }],
    ['clientId', { clientId: '' }],
    ['sessionExpirySeconds', { fenced: true, sessionExpirySeconds: 5 }],
    ['cleanStart', { fenced: true, cleanStart: false }],
    ['keepAliveSeconds', { keepAliveSeconds: 70_000 }],
    ['receiveMaximum', { receiveMaximum: 0 }],
    ['reconnect.maxDelayMs', { reconnect: { minDelayMs: 10, maxDelayMs: 5 } }],
    ['will.topic', { will: { topic: 'a/#', payload: '' } }],
  ])('bad option %s is refused by name', async (field, options) => {
    await expect(openLink({ url: 'mqtt://127.0.0.1', clientId: 'c', ...options })).rejects.toMatchObject({
      message: expect.stringContaining(field) as string,
    });
  });
});

describe('publishing', () => {
  test('a refusal carries the reason code and text', async () => {
    const server = await broker((packet) => {
      if (packet.cmd !== 'publish') return undefined;
      const cmd = packet.qos === 2 ? 'pubrec' : 'puback';
      const messageId = packet.messageId!;
      return [{ cmd, messageId, reasonCode: 0x97, properties: { reasonString: 'too much' } }];
    });
    const link = await open(server.url);
    for (const qos of [1, 2] as const) {
      await expect(link.publish('t', 'x', { qos })).rejects.toMatchObject({
        code: 'publish-refused',
        reasonCode: 0x97,
        reasonString: 'too much',
      });
    }
  });

  test("keeps within the broker's Receive Maximum, in order", async () => {
    const held: number[] = [];
    const server = await broker((packet) => {
      if (packet.cmd === 'connect') return [connack({ properties: { receiveMaximum: 2 } })];
      if (packet.cmd !== 'publish') return undefined;
      held.push(packet.messageId!);
      return [];
    });
    const link = await open(server.url);
    const acks = ['a', 'b', 'c', 'd'].map((text) => link.publish('t', text));
    await server.waitFor('publish', 2);
    await link.subscribe('round/trip', () => undefined);
    expect(publishes(server)).toHaveLength(2);
    for (let nth = 1; nth <= 4; nth += 1) {
      await server.waitFor('publish', nth);
      server.send({ cmd: 'puback', messageId: held[nth - 1]!, reasonCode: 0 });
    }
    await Promise.all(acks);
    expect(publishes(server).map(({ payload }) => String(payload))).toEqual(['a', 'b', 'c', 'd']);
  });

  test('one too many waiting is refused with queue-full', async () => {
    const server = await broker(silentOn('publish'));
    const link = await open(server.url, { maxPending: 3 });
    const waiting = [1, 2, 3].map((index) => link.publish('t', String(index)));
    await expect(link.publish('t', '4')).rejects.toMatchObject({ code: 'queue-full' });
    link.destroy();
    for (const result of await Promise.allSettled(waiting)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'closed' } });
    }
  });

  test('an acknowledgement that does not come is ack-timeout, and an abort is aborted', async () => {
    const server = await broker(silentOn('publish'));
    const link = await open(server.url);
    await expect(link.publish('t', 'x', { ackTimeoutMs: 20 })).rejects.toMatchObject({ code: 'ack-timeout' });
    const stop = new AbortController();
    const aborted = link.publish('t', 'x', { signal: stop.signal });
    stop.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'aborted' });
    await expect(link.publish('t', 'x', { signal: stop.signal })).rejects.toMatchObject({ code: 'aborted' });
  });

  test('what the broker cannot do is refused before it is sent', async () => {
    const properties = { maximumQoS: 1, retainAvailable: false, maximumPacketSize: 100 };
    const server = await broker((packet) =>
      packet.cmd === 'connect' ? [connack({ properties })] : undefined,
    );
    const link = await open(server.url);
    expect(link.broker).toMatchObject({ maximumQos: 1, retainAvailable: false, maximumPacketSize: 100 });
    await expect(link.publish('t', 'x', { qos: 2 })).rejects.toMatchObject({ code: 'not-supported' });
    await expect(link.publish('t', 'x', { retain: true })).rejects.toMatchObject({ code: 'not-supported' });
    await expect(link.publish('t', 'x'.repeat(100))).rejects.toMatchObject({ code: 'packet-too-large' });
    await expect(link.publish('a/+', 'x')).rejects.toMatchObject({ code: 'invalid-topic' });
    expect(publishes(server)).toHaveLength(0);
  });

  test('with the session, sent packets are repeated with their identifiers and DUP; PUBREL instead once PUBREC came', async () => {
    const server = await broker((packet, connection) => {
      if (packet.cmd === 'connect') return [connack({ sessionPresent: connection > 1 })];
      if (connection > 1) return undefined;
      if (packet.cmd === 'publish' && packet.qos === 1) return [];
      return packet.cmd === 'pubrel' ? ['close'] : undefined;
    });
    const link = await open(server.url, { cleanStart: false, sessionExpirySeconds: 60 });
    const acks = [link.publish('one', 'x'), link.publish('two', 'y', { qos: 2 })];
    await Promise.all(acks);
    const first = publishes(server).filter(({ connection }) => connection === 1);
    const again = publishes(server).filter(({ connection }) => connection === 2);
    expect(again).toMatchObject([{ topic: 'one', dup: true, messageId: first[0]!.messageId }]);
    const pubrels = server.received.filter((packet) => packet.cmd === 'pubrel');
    expect(pubrels.map(({ messageId, connection }) => [connection, messageId])).toEqual([
      [1, first[1]!.messageId],
      [2, first[1]!.messageId],
    ]);
  });

  test('without the session, they are sent as new', async () => {
    const server = await broker((packet, connection) =>
      connection === 1 && packet.cmd === 'publish' ? ['close'] : undefined,
    );
    const link = await open(server.url);
    await link.publish('t', 'x');
    expect(publishes(server)).toMatchObject([
      { connection: 1, dup: false },
      { connection: 2, dup: false },
    ]);
  });

  test('a caller may change the payload after the call', async () => {
    const server = await broker();
    const link = await open(server.url);
    const payload = Buffer.from('before');
    const ack = link.publish('t', payload);
    payload.write('AFTER!');
    await ack;
    expect(String(publishes(server)[0]!.payload)).toBe('before');
  });
});

describe('subscribing', () => {
  test('a refusal carries the reason code, and the handler is gone', async () => {
    const server = await broker((packet) =>
      packet.cmd === 'subscribe'
        ? [
            {
              cmd: 'suback',
              messageId: packet.messageId!,
              granted: [0x87],
              properties: { reasonString: 'no' },
            },
          ]
        : undefined,
    );
    const link = await open(server.url);
    const heard: string[] = [];
    await expect(link.subscribe('t', (message) => void heard.push(message.topic))).rejects.toMatchObject({
      code: 'subscribe-refused',
      reasonCode: 0x87,
      reasonString: 'no',
    });
    server.send({
      cmd: 'publish',
      topic: 't',
      payload: 'x',
      qos: 1,
      dup: false,
      retain: false,
      messageId: 1,
    });
    await server.waitFor('puback');
    expect(heard).toEqual([]);
  });

  test('a SUBACK that does not come is ack-timeout', async () => {
    const server = await broker(silentOn('subscribe'));
    const link = await open(server.url);
    await expect(link.subscribe('t', () => undefined, { ackTimeoutMs: 20 })).rejects.toMatchObject({
      code: 'ack-timeout',
    });
  });

  test('a subscription that a reconnect could not restore is reported, and tried again on the next', async () => {
    const server = await broker((packet, connection) =>
      packet.cmd === 'subscribe' && connection === 2
        ? [{ cmd: 'suback', messageId: packet.messageId!, granted: [0x97] }]
        : undefined,
    );
    const link = await open(server.url);
    await link.subscribe('t', () => undefined);
    const error = nextEvent(link, 'error');
    server.send('close');
    expect(await error).toMatchObject({ code: 'subscribe-refused', reasonCode: 0x97 });
    server.send('close');
    await server.waitFor('subscribe', 3);
  });

  test('without subscription identifiers, every matching handler gets a packet', async () => {
    const server = await broker((packet) =>
      packet.cmd === 'connect'
        ? [connack({ properties: { subscriptionIdentifiersAvailable: false } })]
        : undefined,
    );
    const link = await open(server.url);
    const heard: string[] = [];
    await link.subscribe('a/+', () => void heard.push('a/+'));
    await link.subscribe('a/b', () => void heard.push('a/b'));
    expect(server.received.filter((packet) => packet.cmd === 'subscribe')).toMatchObject([{}, {}]);
    server.send({
      cmd: 'publish',
      topic: 'a/b',
      payload: 'x',
      qos: 1,
      dup: false,
      retain: false,
      messageId: 1,
    });
    await server.waitFor('puback');
    expect(heard.sort()).toEqual(['a/+', 'a/b']);
  });

  test('a QoS 2 message that is repeated before PUBREL is handled once', async () => {
    const server = await broker();
    const link = await open(server.url);
    const heard: boolean[] = [];
    await link.subscribe('t', (message) => void heard.push(message.duplicate), { qos: 2 });
    const packet: Packet = {
      cmd: 'publish',
      topic: 't',
      payload: 'x',
      qos: 2,
      dup: false,
      retain: false,
      messageId: 9,
    };
    server.send(packet);
    await server.waitFor('pubrec', 1);
    server.send({ ...packet, dup: true });
    await server.waitFor('pubrec', 2);
    server.send({ cmd: 'pubrel', messageId: 9, reasonCode: 0 });
    await server.waitFor('pubcomp');
    server.send(packet);
    await server.waitFor('pubrec', 3);
    expect(heard).toEqual([false, false]);
  });

  test('QoS 0 messages that a slow handler cannot take are dropped, oldest first, and reported', async () => {
    const server = await broker();
    const link = await open(server.url);
    const errors: unknown[] = [];
    link.on('error', (error) => errors.push(error));
    const heard: string[] = [];
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    let last = (): void => undefined;
    const lastHeard = new Promise<void>((resolve) => (last = resolve));
    await link.subscribe(
      't',
      (message) => {
        heard.push(message.text());
        if (message.text() === '5') last();
        return released;
      },
      { qos: 0, maxQueued: 2 },
    );
    for (const payload of ['1', '2', '3', '4', '5']) {
      server.send({ cmd: 'publish', topic: 't', payload, qos: 0, dup: false, retain: false });
    }
    await link.publish('round/trip', '');
    release();
    await lastHeard;
    expect(heard).toEqual(['1', '4', '5']);
    expect(errors).toMatchObject([{ code: 'queue-overflow' }, { code: 'queue-overflow' }]);
  });

  test('an acknowledgement never goes to a later connection', async () => {
    const server = await broker();
    const link = await open(server.url);
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    await link.subscribe('t', () => released, { manualAck: true });
    server.send({
      cmd: 'publish',
      topic: 't',
      payload: 'x',
      qos: 1,
      dup: false,
      retain: false,
      messageId: 5,
    });
    await link.publish('round/trip', '');
    const online = nextEvent(link, 'online');
    server.send('close');
    await online;
    release();
    await released;
    await link.publish('round/trip', '');
    expect(server.received.filter((packet) => packet.cmd === 'puback')).toEqual([]);
  });
});

describe('the end of a connection', () => {
  test("the broker's reason reaches the offline event, and the link comes back", async () => {
    const server = await broker();
    const link = await open(server.url);
    const offline = nextEvent(link, 'offline');
    const online = nextEvent(link, 'online');
    server.send({ cmd: 'disconnect', reasonCode: 0x8b });
    expect(await offline).toMatchObject({ reasonCode: 0x8b, error: { code: 'connection-lost' } });
    await online;
  });

  test.each([
    ['an unknown packet type', Buffer.from([0x00, 0x00])],
    ['a packet that only clients send', Buffer.from([0x82, 0x02, 0x00, 0x01])],
    ['a bad remaining length', Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x7f])],
    ['a truncated property', Buffer.from([0x30, 0x06, 0x00, 0x01, 0x74, 0x02, 0x26, 0x00])],
    ['an unknown property', Buffer.from([0x30, 0x06, 0x00, 0x01, 0x74, 0x02, 0x7f, 0x00])],
    ['QoS 3', Buffer.from([0x36, 0x06, 0x00, 0x01, 0x74, 0x00, 0x01, 0x00])],
    ['an empty acknowledgement', Buffer.from([0x40, 0x00])],
    ['an acknowledgement of nothing', Buffer.from([0x40, 0x02, 0x12, 0x34])],
    ['a SUBACK without codes', Buffer.from([0x90, 0x03, 0x00, 0x01, 0x00])],
    ['text', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['a second CONNACK', Buffer.from([0x20, 0x03, 0x00, 0x00, 0x00])],
  ])('%s never ends the process; the link lives on or reconnects', async (_name, bytes) => {
    const server = await broker();
    const link = await open(server.url);
    server.send(bytes);
    // Held until there is a connection on which the broker still makes sense.
    await link.publish('t', 'x');
    expect(link.state).toBe('online');
  });

  test('random bytes never end the process', async () => {
    let seed = 42;
    const random = (): number => (seed = (seed * 1_103_515_245 + 12_345) & 0x7fff_ffff);
    const server = await broker((packet) => {
      if (packet.cmd !== 'connect') return [];
      const noise = Buffer.from(Array.from({ length: 40 }, () => random() >> 8));
      noise[0] = (random() >> 8) & 0xff;
      noise[1] = 38;
      return [connack(), noise, 'close'];
    });
    const link = await open(server.url, { reconnect: { minDelayMs: 0, maxDelayMs: 1 } });
    await server.waitFor('connect', 200);
    expect(['online', 'offline']).toContain(link.state);
  });

  test('with reconnect off, the link is closed', async () => {
    const server = await broker();
    const link = await open(server.url, { reconnect: false });
    const closed = nextEvent(link, 'closed');
    server.send('close');
    await closed;
    await expect(link.publish('t', 'x')).rejects.toMatchObject({ code: 'closed' });
  });

  test('closing waits for acknowledgements, says goodbye, and may be done twice', async () => {
    const server = await broker();
    const link = await open(server.url);
    const ack = link.publish('t', 'x');
    await Promise.all([link.close(), link.close()]);
    expect(await ack).toMatchObject({ reasonCode: 0 });
    expect(server.received.at(-1)).toMatchObject({ cmd: 'disconnect' });
    await expect(link.publish('t', 'x')).rejects.toMatchObject({ code: 'closed' });
    await expect(link.subscribe('t', () => undefined)).rejects.toMatchObject({ code: 'closed' });
  });

  test('closing does not wait for ever', async () => {
    const server = await broker(silentOn('publish'));
    const link = await open(server.url);
    const ack = link.publish('t', 'x');
    const settled = ack.catch((error: unknown) => error);
    await link.close({ timeoutMs: 20 });
    expect(await settled).toMatchObject({ code: 'closed' });
  });

  test('closing while acknowledgements are awaited closes the connection that came meanwhile', async () => {
    const server = await broker((packet) => (packet.cmd === 'publish' ? [] : undefined));
    const link = await open(server.url, { cleanStart: false, sessionExpirySeconds: 60 });
    const settled = link.publish('t', 'x').catch((error: unknown) => error);
    const closing = link.close({ timeoutMs: 300 });
    const online = nextEvent(link, 'online');
    server.send('close');
    await online;
    await closing;
    expect(await settled).toMatchObject({ code: 'closed' });
    expect(server.received.at(-1)).toMatchObject({ cmd: 'disconnect', connection: 2 });
  });

  test('closing while offline ends the waiting for a connection', async () => {
    const server = await broker((packet, connection) =>
      packet.cmd === 'connect' && connection > 1 ? [connack({ reasonCode: 0x88 })] : undefined,
    );
    const link = await open(server.url);
    const offline = nextEvent(link, 'offline');
    const refused = nextEvent(link, 'error');
    server.send('close');
    await offline;
    expect(await refused).toMatchObject({ code: 'connect-refused', reasonCode: 0x88 });
    const waiting = link.publish('t', 'x').catch((error: unknown) => error);
    await link.close();
    expect(await waiting).toMatchObject({ code: 'closed' });
    expect(link.state).toBe('closed');
  });

  test('a broker that goes silent is noticed by keep-alive', async () => {
    const server = await broker(silentOn('pingreq'));
    const link = await open(server.url, { keepAliveSeconds: 1 });
    const offline = await nextEvent(link, 'offline');
    expect(offline.error).toMatchObject({ message: expect.stringContaining('Keepalive') as string });
  });
});
