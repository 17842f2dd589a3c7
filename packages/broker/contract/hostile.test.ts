import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { generate, parser, type Packet } from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';

import { createBroker, type Broker, type BrokerAddresses } from '../src/index.ts';
import { Clients, Inbox } from './mqtt-clients.ts';

let broker: Broker;
let addresses: BrokerAddresses;
const clients = new Clients();

beforeEach(async () => {
  broker = createBroker({
    allowAnonymous: true,
    listen: { tcp: {}, ws: {} },
    limits: { maxPacketBytes: 64 * 1024, connectTimeoutMs: 500, maxConnections: 5 },
  });
  addresses = await broker.start();
});

afterEach(async () => {
  clients.closeAll();
  await broker.stop();
});

const MQTT5 = { protocolVersion: 5 };
const hello = (clientId: string, keepalive = 0): Buffer =>
  generate({ cmd: 'connect', clientId, protocolVersion: 5, clean: true, keepalive });

async function open(): Promise<Socket> {
  const socket = connect({
    host: addresses.tcp?.host as string,
    port: addresses.tcp?.port as number,
    noDelay: true,
  });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Everything that the broker says until it closes. */
async function answer(socket: Socket): Promise<Packet[]> {
  const packets: Packet[] = [];
  const reader = parser(MQTT5);
  reader.on('packet', (packet) => packets.push(packet));
  reader.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => reader.parse(chunk));
  await once(socket, 'close');
  return packets;
}

async function stillServes(): Promise<void> {
  const client = await clients.connect(addresses.tcp?.url as string);
  const inbox = new Inbox(client);
  await client.subscribeAsync('alive');
  await client.publishAsync('alive', 'yes', { qos: 1 });
  expect((await inbox.next()).payload).toBe('yes');
}

describe('a client that breaks the protocol', () => {
  it.each([
    ['a malformed packet', Buffer.from([0x30, 5, 0, 1, 0xff, 0, 0]), 0x81],
    ['a protocol error', hello('again'), 0x82],
    ['a packet that is too large', Buffer.from([0x30, 0xff, 0xff, 0x3f]), 0x95],
    ['AUTH out of the blue', Buffer.from([0xf0, 0]), 0x82],
    ['an unknown topic alias', Buffer.from([0x30, 6, 0, 0, 3, 0x23, 0, 9]), 0x82],
  ])('is told why by DISCONNECT: %s', async (_what, bytes, reasonCode) => {
    const socket = await open();
    const said = answer(socket);
    socket.write(Buffer.concat([hello('bad'), bytes]));
    expect(await said).toMatchObject([{ cmd: 'connack' }, { cmd: 'disconnect', reasonCode }]);
    await stillServes();
  });

  it('is told so in CONNACK when CONNECT itself is broken', async () => {
    const socket = await open();
    const said = answer(socket);
    const broken = hello('bad');
    broken[9] = (broken[9] as number) | 1;
    socket.write(broken);
    expect(await said).toMatchObject([{ cmd: 'connack', reasonCode: 0x81 }]);
  });

  it('is let go when it does not speak MQTT', async () => {
    const socket = await open();
    const said = answer(socket);
    socket.write('GET / HTTP/1.1\r\n\r\n');
    expect(await said).toEqual([]);
    await stillServes();
  });

  it('is let go when it never says CONNECT', async () => {
    const socket = await open();
    expect(await answer(socket)).toEqual([]);
  });

  it('is told that the protocol version is not supported', async () => {
    const socket = await open();
    const said = once(socket, 'data');
    socket.write(Buffer.from([0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 9, 2, 0, 0, 0, 1, 0x61]));
    expect((await said)[0]).toMatchObject({ 0: 0x20, 3: 0x84 });
  });

  it('is let go with 0x8D after 1.5 times its keep alive', async () => {
    const socket = await open();
    const said = answer(socket);
    socket.write(hello('quiet', 1));
    expect(await said).toMatchObject([{ cmd: 'connack' }, { cmd: 'disconnect', reasonCode: 0x8d }]);
  });
});

it('refuses a connection too many with 0x89', async () => {
  for (let i = 0; i < 5; i++) await clients.connect(addresses.tcp?.url as string, { keepalive: 0 });
  const socket = await open();
  const said = answer(socket);
  socket.write(hello('one too many'));
  expect(await said).toMatchObject([{ cmd: 'connack', reasonCode: 0x89 }]);
});

it('closes a WebSocket that sends text', async () => {
  const socket = new WebSocket(addresses.ws?.url as string, 'mqtt');
  await once(socket, 'open');
  socket.send('hello');
  expect((await once(socket, 'close'))[0]).toBe(1003);
});

it('reads packets that are split and joined over WebSocket frames', async () => {
  const socket = new WebSocket(addresses.ws?.url as string, 'mqtt');
  await once(socket, 'open');
  const bytes = Buffer.concat([hello('ws'), generate({ cmd: 'pingreq' })]);
  const packets: Packet[] = [];
  const both = new Promise<void>((resolve) => {
    const reader = parser(MQTT5);
    reader.on('packet', (packet) => {
      packets.push(packet);
      if (packets.length === 2) resolve();
    });
    socket.on('message', (data: Buffer) => reader.parse(data));
  });
  for (const byte of bytes) socket.send(Buffer.from([byte]));
  await both;
  expect(packets.map(({ cmd }) => cmd)).toEqual(['connack', 'pingresp']);
  socket.close();
});

it.each([
  ['at once', () => true],
  ['later', () => Promise.resolve(true)],
])(
  'ends only the connection for which authorize throws, when authenticate answers %s',
  async (_when, authenticate) => {
    await broker.stop();
    broker = createBroker({
      authenticate,
      authorize: (_client, _action, topic) => {
        if (topic === 'bad') throw new Error('a rule is broken');
        return true;
      },
    });
    addresses = await broker.start();
    const will = { topic: 'bad', payload: Buffer.from('x'), qos: 0 as const, retain: false };
    const dying = await open();
    const said = answer(dying);
    dying.write(
      generate({ cmd: 'connect', clientId: 'a', protocolVersion: 5, clean: true, keepalive: 0, will }),
    );
    expect(await said).toEqual([]);
    const second = await open();
    const answered = answer(second);
    second.write(
      Buffer.concat([
        hello('b'),
        generate({ cmd: 'publish', topic: 'bad', payload: '', qos: 0, dup: false, retain: false }, MQTT5),
      ]),
    );
    expect(await answered).toMatchObject([{ cmd: 'connack' }, { cmd: 'disconnect', reasonCode: 0x80 }]);
    await stillServes();
  },
);
