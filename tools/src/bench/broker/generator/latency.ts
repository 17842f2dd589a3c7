import { percentile } from '../../statistics.ts';
import { LeanClient, type Qos, type Version } from './lean-client.ts';
import { encodeMessage, PAYLOAD_BYTES } from './message.ts';

export interface Pace {
  readonly port: number;
  readonly version: Version;
  readonly qos: Qos;
  readonly subscribers: number;
  readonly messagesPerSecond: number;
  readonly durationMs: number;
}

export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly [name: string]: number;
}

const DRAIN_MS = 2_000;

let runs = 0;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Publishes at a fixed rate, whatever the broker does, and takes the time from when a message was due to when a subscriber has it. The
 * loop spins, since a timer is too coarse.
 */
export async function measureLatency(pace: Pace): Promise<Latency> {
  runs += 1;
  const { port, version, qos, subscribers, messagesPerSecond, durationMs } = pace;
  const name = `${process.pid}-pace-${runs}`;
  const topic = `bench/${name}/telemetry`;
  const times: number[] = [];
  const clients: LeanClient[] = [];
  const open = async (clientId: string, onPublish?: (bytes: Buffer, start: number, end: number) => void) => {
    const client = new LeanClient({
      port,
      version,
      clientId,
      ...(onPublish === undefined ? {} : { onPublish }),
    });
    clients.push(client);
    await client.open();
    return client;
  };
  try {
    for (let i = 0; i < subscribers; i += 1) {
      // The time when a message was due is in its last eight bytes.
      const arrived = (bytes: Buffer, _start: number, end: number): void =>
        void times.push(performance.now() - bytes.readDoubleBE(end - 8));
      const subscriber = await open(`${name}-sub-${i}`, arrived);
      await subscriber.subscribe(topic, qos);
    }
    const publisher = await open(`${name}-pub`);
    const packet = encodeMessage(version, topic, qos, { payload: Buffer.alloc(PAYLOAD_BYTES, 'x') });
    const idAt = packet.indexOf(topic, 1, 'utf8') + topic.length;
    const count = Math.floor((messagesPerSecond * durationMs) / 1_000);
    const startMs = performance.now() + 20;
    for (let sent = 0; sent < count;) {
      const dueMs = startMs + (sent * 1_000) / messagesPerSecond;
      if (performance.now() < dueMs) {
        await turn();
        continue;
      }
      const message = Buffer.from(packet);
      if (qos > 0) message.writeUInt16BE((sent % 60_000) + 1, idAt);
      message.writeDoubleBE(dueMs, message.length - 8);
      publisher.write(message);
      sent += 1;
    }
    const endMs = performance.now() + DRAIN_MS;
    while (times.length < count * subscribers && performance.now() < endMs) await turn();
    return { p50Ms: percentile(times, 0.5), p99Ms: percentile(times, 0.99) };
  } finally {
    for (const client of clients) client.close();
  }
}
