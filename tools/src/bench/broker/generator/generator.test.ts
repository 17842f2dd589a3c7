import { createBroker, type Broker } from '@shoal/broker';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { measureAway } from './away.ts';
import { measureStorm } from './crowd.ts';
import { LeanClient, type Qos, type Version } from './lean-client.ts';
import { measureLatency } from './latency.ts';
import { measureCards, registerCards } from './retained.ts';
import { measureThroughput } from './throughput.ts';

let broker: Broker;
let port: number;

beforeEach(async () => {
  broker = createBroker({
    authenticate: ({ clientId }) => clientId !== 'stranger',
    authorize: () => true,
  });
  port = (await broker.start()).tcp!.port;
});

afterEach(() => broker.stop());

test.each([
  [0, 5, 1, 3],
  [1, 5, 2, 1],
  [2, 5, 1, 2],
  [1, 4, 3, 1],
] as [Qos, Version, number, number][])(
  'QoS %i, MQTT %i, %i publishers, %i subscribers: all that was sent arrives, and is counted once',
  async (qos, version, publishers, subscribers) => {
    const load = { port, pid: process.pid, version, qos, groups: 2, publishers, subscribers };
    const result = await measureThroughput({ ...load, window: 5, persistent: qos === 2, durationMs: 50 });
    const { messagesReceived, messagesSent, publishesRefused } = broker.stats();
    expect(result.lost).toBe(0);
    expect(result.deliveredPerSecond).toBeGreaterThan(0);
    expect(messagesSent).toBe(messagesReceived * subscribers);
    expect(publishesRefused).toBe(0);
  },
);

test.each([1, 2] as const)(
  'QoS %i to receivers that are away: all of it is kept, and collected',
  async (qos) => {
    const load = { port, pid: process.pid, version: 5, qos, pairs: 3, window: 5, durationMs: 50 } as const;
    const result = await measureAway(load);
    const { messagesReceived, messagesSent, messagesDropped } = broker.stats();
    expect(result.lost).toBe(0);
    expect(result.acknowledgedPerSecond).toBeGreaterThan(0);
    expect(messagesSent).toBe(messagesReceived);
    expect(messagesDropped).toBe(0);
  },
);

test('latency is taken for every message at the rate that was asked for', async () => {
  const pace = { port, version: 5, qos: 1, subscribers: 2, messagesPerSecond: 500, durationMs: 100 } as const;
  const { p50Ms, p99Ms } = await measureLatency(pace);
  expect(broker.stats().messagesReceived).toBe(50);
  expect(p50Ms).toBeGreaterThan(0);
  expect(p99Ms).toBeGreaterThanOrEqual(p50Ms);
});

test('cards pass the registry and reach a new subscriber', async () => {
  await registerCards({ port, version: 5, count: 20 });
  expect(broker.stats()).toMatchObject({ retained: 20, publishesRefused: 0 });
  expect(await measureCards({ port, version: 5, count: 20, qos: 1 })).toBeGreaterThan(0);
});

test('a storm ends when everyone is in', async () => {
  expect(await measureStorm({ port, version: 5, count: 30 })).toBeGreaterThan(0);
});

test('a refused client says so', async () => {
  const client = new LeanClient({ port, version: 5, clientId: 'stranger' });
  await expect(client.open()).rejects.toThrow('stranger: connection lost: refused with 134');
});
