import { once } from 'node:events';
import { connect } from 'node:net';
import { Duplex } from 'node:stream';

import { generate } from 'mqtt-packet';
import mqtt from 'mqtt';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { createBroker, type Broker } from '../src/index.ts';
import { bufferBytes } from './memory.ts';
import { Clients, connected, Inbox } from './mqtt-clients.ts';

const MQTT5 = { protocolVersion: 5 };
const MEGABYTE = 1024 * 1024;
const clients = new Clients();
let broker: Broker;
let port: number;
let url: string;

beforeEach(async () => {
  broker = createBroker({ allowAnonymous: true, limits: { maxQueuedBytes: 2 * MEGABYTE } });
  const { tcp } = await broker.start();
  port = tcp?.port as number;
  url = tcp?.url as string;
});

afterEach(async () => {
  clients.closeAll();
  await broker.stop();
});

/** Subscribes, and never reads again. */
async function subscribeAndStall(qos: 0 | 1): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  socket.write(generate({ cmd: 'connect', clientId: 'slow', protocolVersion: 5, clean: true, keepalive: 0 }));
  socket.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 't', qos }] }, MQTT5));
  let read = 0;
  while (read < 14) read += ((await once(socket, 'data')) as [Buffer])[0].length;
  socket.pause();
}

async function flood(qos: 0 | 1, megabytes: number): Promise<void> {
  const sender = await clients.connect(url);
  const payload = Buffer.alloc(64 * 1024);
  for (let sent = 0; sent < megabytes * 16; sent++) await sender.publishAsync('t', payload, { qos });
  await sender.publishAsync('done', '', { qos: 1 });
}

it('drops QoS 0 messages for a client that does not read, and keeps its memory', async () => {
  await subscribeAndStall(0);
  await flood(0, 30);
  const before = bufferBytes();
  await flood(0, 30);
  expect(bufferBytes() - before).toBeLessThan(30 * MEGABYTE);
  expect(broker.stats().messagesDropped).toBeGreaterThan(100);
});

it('lets a client go that does not read its QoS 1 messages', async () => {
  await subscribeAndStall(1);
  const before = broker.stats().connections;
  await flood(1, 30);
  expect(broker.stats().connections).toBe(before);
  expect(broker.stats().sessions).toBe(1);
});

it('goes on serving the others meanwhile', async () => {
  await subscribeAndStall(0);
  const other = await clients.connect(url);
  const inbox = new Inbox(other);
  await other.subscribeAsync('t', { qos: 0 });
  await flood(0, 10);
  let seen = 0;
  while (seen < 160) {
    await inbox.next();
    seen++;
  }
  expect(seen).toBe(160);
});

it('serves a client on a stream of the same process', async () => {
  const [near, far] = streamPair();
  broker.handle(far);
  const client = new mqtt.MqttClient(() => near, {
    protocolVersion: 5,
    reconnectPeriod: 0,
    clientId: 'inside',
  });
  await connected(client);
  const inbox = new Inbox(client);
  await client.subscribeAsync('t');
  await client.publishAsync('t', 'x', { qos: 1 });
  expect((await inbox.next()).payload).toBe('x');
  client.end(true);
});

function streamPair(): [Duplex, Duplex] {
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      read: () => undefined,
      write: (chunk, _encoding, done) => {
        setImmediate(() => other().push(chunk));
        done();
      },
      final: (done) => {
        setImmediate(() => other().push(null));
        done();
      },
    });
  const near: Duplex = make(() => far);
  const far: Duplex = make(() => near);
  return [near, far];
}
