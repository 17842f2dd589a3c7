import { setTimeout as delay } from 'node:timers/promises';
import { cpuMicrosecondsOf } from '../process-usage.ts';
import { LeanClient, type Qos, type Version } from './lean-client.ts';
import { encodeMessage, MessageRing } from './message.ts';

export interface AwayLoad {
  readonly port: number;
  readonly pid: number;
  readonly version: Version;
  readonly qos: Qos;
  /** Publishers, each with a receiver of its own that is away. */
  readonly pairs: number;
  /** Messages of a publisher that were not acknowledged. */
  readonly window: number;
  readonly durationMs: number;
}

export interface AwayThroughput {
  readonly acknowledgedPerSecond: number;
  readonly acknowledgedPerCpuSecond: number;
  /** Acknowledged, and not there when its receiver came back. */
  readonly lost: number;
  readonly [name: string]: number;
}

const RAMP_MS = 60;
const DRAIN_MS = 10_000;

let runs = 0;

/** A publisher, and a receiver whose session has to keep every message. */
class Pair {
  acknowledged = 0;
  received = 0;
  private sent = 0;
  private sending = false;
  private readonly load: AwayLoad;
  private readonly name: string;
  private readonly publisher: LeanClient;
  private readonly ring: MessageRing;

  constructor(load: AwayLoad, name: string) {
    const { port, version, qos, window } = load;
    this.load = load;
    this.name = name;
    const topic = `bench/${name}/telemetry`;
    this.ring = new MessageRing(encodeMessage(version, topic, qos), topic, qos, window * 2);
    this.publisher = new LeanClient({
      port,
      version,
      clientId: `${name}-pub`,
      onAcknowledged: () => (this.acknowledged += 1),
      onChunk: () => this.pump(),
    });
  }

  async open(): Promise<void> {
    const receiver = this.createReceiver();
    await receiver.open();
    await receiver.subscribe(`bench/${this.name}/telemetry`, this.load.qos);
    receiver.leave();
    await this.publisher.open();
  }

  start(): void {
    this.sending = true;
    this.pump();
  }

  get isIdle(): boolean {
    return this.sent === this.acknowledged;
  }

  stop(): void {
    this.sending = false;
  }

  /** Takes what was kept, for as long as `until` allows, and ends the session. */
  async collect(untilMs: number): Promise<void> {
    const receiver = this.createReceiver();
    await receiver.open();
    while (this.received < this.acknowledged && performance.now() < untilMs) await delay(5);
    receiver.close();
    this.publisher.close();
  }

  private createReceiver(): LeanClient {
    const { port, version } = this.load;
    return new LeanClient({
      port,
      version,
      persistent: true,
      clientId: `${this.name}-sub`,
      onPublish: () => (this.received += 1),
    });
  }

  private pump(): void {
    if (!this.sending) return;
    let room = this.load.window - (this.sent - this.acknowledged);
    while (room > 0) {
      const { count, bytes } = this.ring.take(room);
      this.publisher.write(bytes);
      this.sent += count;
      room -= count;
    }
  }
}

/**
 * Publishes to receivers that are away, as fast as acknowledgements come: nothing can be delivered instead of being kept, so every
 * message has to be written before it is acknowledged. Then the receivers come back and take what was kept.
 */
export async function measureAway(load: AwayLoad): Promise<AwayThroughput> {
  runs += 1;
  const pairs = Array.from(
    { length: load.pairs },
    (_, i) => new Pair(load, `${process.pid}-away-${runs}-${i}`),
  );
  const acknowledged = (): number => pairs.reduce((sum, pair) => sum + pair.acknowledged, 0);
  for (const pair of pairs) await pair.open();
  for (const pair of pairs) pair.start();
  await delay(RAMP_MS);
  const [startMs, startCpu, startCount] = [performance.now(), cpuMicrosecondsOf(load.pid), acknowledged()];
  await delay(load.durationMs);
  const count = acknowledged() - startCount;
  const seconds = (performance.now() - startMs) / 1_000;
  const cpuSeconds = (cpuMicrosecondsOf(load.pid) - startCpu) / 1_000_000;
  for (const pair of pairs) pair.stop();
  const untilMs = performance.now() + DRAIN_MS;
  while (pairs.some((pair) => !pair.isIdle) && performance.now() < untilMs) await delay(2);
  const lost = (): number => pairs.reduce((sum, pair) => sum + pair.acknowledged - pair.received, 0);
  for (const pair of pairs) await pair.collect(untilMs);
  return {
    acknowledgedPerSecond: count / seconds,
    acknowledgedPerCpuSecond: count / cpuSeconds,
    lost: lost(),
  };
}
