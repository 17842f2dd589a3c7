import { connect } from 'node:net';

import { generate, parser } from 'mqtt-packet';
import { afterEach, describe, expect, it } from 'vitest';

import { createBroker, type Broker, type BrokerLimits } from '../src/index.ts';
import { Clients, Inbox } from './mqtt-clients.ts';

let broker: Broker;
const clients = new Clients();

async function start(limits: Partial<BrokerLimits>): Promise<string> {
  broker = createBroker({ allowAnonymous: true, limits });
  return (await broker.start()).tcp?.url as string;
}

afterEach(async () => {
  clients.closeAll();
  await broker.stop();
});

const seconds = (sinceMs: number): number => (performance.now() - sinceMs) / 1_000;

describe('a client that sends too fast', () => {
  it('is slowed down to its rate of publishes, and nothing is lost', async () => {
    const url = await start({ maxPublishesPerSecond: 40 });
    const receiver = await clients.connect(url);
    const inbox = new Inbox(receiver);
    await receiver.subscribeAsync('t', { qos: 1 });
    const sender = await clients.connect(url);
    const began = performance.now();
    const sent = Array.from({ length: 100 }, (_, i) => sender.publishAsync('t', `${i}`, { qos: 1 }));
    // One that keeps its rate is not slowed down by the other.
    const other = await clients.connect(url);
    await other.publishAsync('other', 'x', { qos: 1 });
    expect(seconds(began)).toBeLessThan(1);
    await Promise.all(sent);
    await sender.publishAsync('t', 'last', { qos: 1 });
    expect(seconds(began)).toBeGreaterThan(1.4);
    const got: string[] = [];
    while (got.length < 101) got.push((await inbox.next()).payload);
    expect(got).toEqual([...Array.from({ length: 100 }, (_, i) => `${i}`), 'last']);
  });

  it('is slowed down to its rate of bytes, and not taken for silent meanwhile', async () => {
    const { hostname, port } = new URL(await start({ maxBytesPerSecond: 20_000 }));
    const socket = connect(Number(port), hostname);
    const packets = parser({ protocolVersion: 5 });
    const seen: string[] = [];
    socket.on('data', (bytes) => packets.parse(bytes));
    const done = new Promise<void>((resolve) => {
      packets.on('packet', ({ cmd, messageId }) => {
        seen.push(`${cmd} ${messageId ?? ''}`);
        if (cmd === 'puback' && messageId === 1) socket.write(publish(2, 1));
        if (cmd === 'disconnect' || messageId === 2) resolve();
      });
    });
    const options = { protocolVersion: 5 };
    const publish = (messageId: number, bytes: number): Buffer =>
      generate(
        {
          cmd: 'publish',
          topic: 't',
          payload: Buffer.alloc(bytes),
          qos: 1,
          messageId,
          dup: false,
          retain: false,
        },
        options,
      );
    const began = performance.now();
    socket.write(generate({ cmd: 'connect', clientId: 'c', protocolVersion: 5, clean: true, keepalive: 1 }));
    socket.write(publish(1, 80_000));
    await done;
    expect(seconds(began)).toBeGreaterThan(2.5);
    expect(seen).toEqual(['connack ', 'puback 1', 'puback 2']);
    socket.destroy();
  });
});

describe('clients that connect too often', () => {
  it('are refused with 0x9F, by address', async () => {
    const url = await start({ maxConnectsPerAddressPerSecond: 2 });
    await clients.connect(url);
    await clients.connect(url);
    await expect(clients.connect(url)).rejects.toMatchObject({ code: 0x9f });
  });

  it('are refused with 0x9F, by client id, while others come in', async () => {
    const url = await start({ maxConnectsPerClientIdPerSecond: 1 });
    const first = await clients.connect(url, { clientId: 'twin' });
    await expect(clients.connect(url, { clientId: 'twin' })).rejects.toMatchObject({ code: 0x9f });
    await clients.connect(url, { clientId: 'other' });
    expect(first.connected).toBe(true);
    expect(broker.stats()).toMatchObject({ connections: 2, connectionsRefused: 1 });
  });
});
