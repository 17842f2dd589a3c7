import { setTimeout as delay } from 'node:timers/promises';
import { cpuMicrosecondsOf } from '../process-usage.ts';
import { LeanClient, type Qos, type Version } from './lean-client.ts';
import { encodeMessage, MessageRing } from './message.ts';

export interface Load {
  readonly port: number;
  readonly pid: number;
  readonly version: Version;
  readonly qos: Qos;
  /** `groups` of this many publishers whose messages all go to this many subscribers. */
  readonly groups: number;
  readonly publishers: number;
  readonly subscribers: number;
  /** Messages of a publisher that were not acknowledged, or not delivered to everyone. */
  readonly window: number;
  readonly persistent: boolean;
  readonly durationMs: number;
}

export interface Throughput {
  /** Messages that reached a subscriber. */
  readonly deliveredPerSecond: number;
  readonly deliveredPerCpuSecond: number;
  /** Delivered to nobody although the broker had seconds for it. */
  readonly lost: number;
  readonly [name: string]: number;
}

const RAMP_MS = 60;
const DRAIN_MS = 3_000;

let runs = 0;

/** Publishers and subscribers of one topic. Publishers send as long as the window lets them. */
class Group {
  sent = 0;
  delivered = 0;
  unacknowledged = 0;
  /** From when everyone is connected. */
  sending = false;
  private readonly load: Load;
  private readonly senders: { client: LeanClient; ring: MessageRing; unacknowledged: number }[] = [];
  private readonly clients: LeanClient[] = [];
  private next = 0;

  constructor(load: Load) {
    this.load = load;
  }

  async open(name: string): Promise<void> {
    const { load } = this;
    const { port, version, qos, persistent } = load;
    const topic = `bench/${name}/telemetry`;
    for (let i = 0; i < load.subscribers; i += 1) {
      const client = new LeanClient({
        port,
        version,
        persistent,
        clientId: `${name}-sub-${i}`,
        onPublish: () => (this.delivered += 1),
        onChunk: () => this.pump(),
      });
      this.clients.push(client);
      await client.open();
      await client.subscribe(topic, qos);
    }
    const packet = encodeMessage(version, topic, qos);
    for (let i = 0; i < load.publishers; i += 1) {
      const sender = {
        unacknowledged: 0,
        ring: new MessageRing(packet, topic, qos, load.window * 2),
        client: new LeanClient({
          port,
          version,
          clientId: `${name}-pub-${i}`,
          onAcknowledged: () => {
            sender.unacknowledged -= 1;
            this.unacknowledged -= 1;
          },
          onChunk: () => this.pump(),
        }),
      };
      this.senders.push(sender);
      this.clients.push(sender.client);
      await sender.client.open();
    }
  }

  start(): void {
    this.sending = true;
    this.pump();
  }

  get undelivered(): number {
    return this.sent * this.load.subscribers - this.delivered;
  }

  /** Lets publishers send, in turns, what the windows allow. */
  pump(): void {
    const { load, senders } = this;
    if (!this.sending) return;
    const allowed = load.window * load.publishers;
    for (let i = 0; i < senders.length; i += 1) {
      let room = allowed - Math.ceil(this.undelivered / load.subscribers);
      if (room <= 0) return;
      const sender = senders[this.next]!;
      this.next = (this.next + 1) % senders.length;
      room = Math.min(room, load.window, sender.client.receiveMaximum - sender.unacknowledged);
      if (load.qos > 0) room = Math.min(room, load.window - sender.unacknowledged);
      while (room > 0) {
        const { count, bytes } = sender.ring.take(room);
        sender.client.write(bytes);
        this.sent += count;
        if (load.qos > 0) {
          sender.unacknowledged += count;
          this.unacknowledged += count;
        }
        room -= count;
      }
    }
  }

  close(): void {
    for (const client of this.clients) client.close();
  }
}

/** Publishes as fast as the windows allow for a while, and counts what arrives. */
export async function measureThroughput(load: Load): Promise<Throughput> {
  runs += 1;
  const groups = Array.from({ length: load.groups }, () => new Group(load));
  const delivered = (): number => groups.reduce((sum, group) => sum + group.delivered, 0);
  try {
    for (const [index, group] of groups.entries()) await group.open(`${process.pid}-${runs}-${index}`);
    for (const group of groups) group.start();
    await delay(RAMP_MS);
    const [startMs, startCpu, startCount] = [performance.now(), cpuMicrosecondsOf(load.pid), delivered()];
    await delay(load.durationMs);
    const count = delivered() - startCount;
    const seconds = (performance.now() - startMs) / 1_000;
    const cpuSeconds = (cpuMicrosecondsOf(load.pid) - startCpu) / 1_000_000;
    const lost = await drain(groups);
    return { deliveredPerSecond: count / seconds, deliveredPerCpuSecond: count / cpuSeconds, lost };
  } finally {
    for (const group of groups) group.close();
  }
}

async function drain(groups: readonly Group[]): Promise<number> {
  for (const group of groups) group.sending = false;
  const missing = (): number => groups.reduce((sum, group) => sum + group.undelivered, 0);
  const unacknowledged = (): number => groups.reduce((sum, group) => sum + group.unacknowledged, 0);
  const endMs = performance.now() + DRAIN_MS;
  while ((missing() > 0 || unacknowledged() > 0) && performance.now() < endMs) await delay(2);
  return missing();
}
