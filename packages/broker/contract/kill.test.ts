import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import type { MqttClient } from 'mqtt';
import { afterEach, expect, it } from 'vitest';

import { ExactlyOncePublisher, ExactlyOnceReceiver } from './exactly-once.ts';
import { Clients, connected, Inbox } from './mqtt-clients.ts';

/** More with SHOAL_KILLS=300. */
const KILLS = Number(process.env['SHOAL_KILLS'] ?? 5);
const IN_FLIGHT = 20;
const RETAINED_TOPICS = 50;
/** Every so many lives a will with a delay dies with the broker. */
const DELAYED_EVERY = 10;
const WILL = { payload: Buffer.from('gone'), qos: 1 as const, retain: true };

const clients = new Clients();
const script = fileURLToPath(new URL('broker-process.ts', import.meta.url));
let broker: ChildProcess | undefined;
let directory = '';

afterEach(async () => {
  clients.closeAll();
  broker?.kill('SIGKILL');
  if (directory !== '') await rm(directory, { recursive: true, force: true });
});

async function start(): Promise<string> {
  broker = spawn(process.execPath, ['--conditions=@shoal/source', '--import', 'tsx', script, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: broker.stdout as NodeJS.ReadableStream }), 'line')) as [
    string,
  ];
  return line;
}

async function kill(): Promise<void> {
  const process = broker as ChildProcess;
  process.kill('SIGKILL');
  await once(process, 'exit');
}

/** Is there in every life and acknowledges at once, so that the broker need not keep what it has taken. */
const AWAKE = { clientId: 'awake', clean: false, properties: { sessionExpiryInterval: 3600 } };
const SLEEPER = { clientId: 'sleeper', clean: false, properties: { sessionExpiryInterval: 3600 } };

/** What the broker has acknowledged, over all its lives. */
class Ledger {
  readonly queued = new Set<string>();
  readonly retained = new Map<string, number>();
  private next = 0;

  /** Publishes until the connection breaks; resolves with the number of acknowledged messages. */
  async fill(client: MqttClient, enough: () => void): Promise<void> {
    let acknowledged = 0;
    const worker = async (): Promise<void> => {
      while (client.connected) {
        const n = this.next++;
        const qos = n % 3 === 0 ? 2 : 1;
        try {
          if (n % 2 === 0) {
            await client.publishAsync('queue', String(n), { qos });
            this.queued.add(String(n));
          } else {
            const topic = `retained/${n % RETAINED_TOPICS}`;
            await client.publishAsync(topic, String(n), { qos, retain: true });
            this.retained.set(topic, Math.max(n, this.retained.get(topic) ?? 0));
          }
        } catch {
          return;
        }
        if (++acknowledged === 100) enough();
      }
    };
    await Promise.race([
      Promise.all(Array.from({ length: IN_FLIGHT }, worker)),
      new Promise<void>((resolve) => client.once('close', () => resolve())),
    ]);
  }
}

/** What a client with a session received over all its connections. */
class Witness {
  readonly seen = new Set<string>();
  private arrived: (() => void) | undefined;

  async connect(url: string): Promise<void> {
    const client = clients.create(url, AWAKE);
    client.on('message', (_topic, payload) => {
      this.seen.add(payload.toString());
      this.arrived?.();
    });
    await connected(client);
    await client.subscribeAsync('queue', { qos: 1 });
  }

  async waitFor(payloads: ReadonlySet<string>): Promise<void> {
    while ([...payloads].some((payload) => !this.seen.has(payload)))
      await new Promise<void>((resolve) => (this.arrived = resolve));
  }
}

/** Reads retained messages until there are enough of them. */
async function readRetained(url: string, filter: string, count: number): Promise<Map<string, string>> {
  const reader = await clients.connect(url);
  const inbox = new Inbox(reader);
  await reader.subscribeAsync(filter, { qos: 1 });
  const found = new Map<string, string>();
  while (found.size < count) {
    const { topic, payload } = await inbox.next();
    found.set(topic, payload);
  }
  await reader.endAsync();
  return found;
}

/** Clients that will die with the broker, and leave a will. */
async function connectMortals(url: string, life: number): Promise<void> {
  await clients.connect(url, { will: { ...WILL, topic: `will/${life}` } });
  if (life % DELAYED_EVERY > 0) return;
  await clients.connect(url, {
    clientId: `late-${life}`,
    clean: false,
    properties: { sessionExpiryInterval: 3600 },
    will: { ...WILL, topic: `late/${life}`, properties: { willDelayInterval: 1 } },
  });
}

it(
  `keeps what it acknowledged when it is killed ${KILLS} times under load: QoS 1 and 2, retained messages, sessions, wills`,
  { timeout: 60_000 + KILLS * 15_000 },
  async () => {
    directory = await mkdtemp(join(tmpdir(), 'shoal-broker-kill-'));
    const ledger = new Ledger();
    const sender = new ExactlyOncePublisher('exact-sender', 'exact');
    const receiver = new ExactlyOnceReceiver('exact-receiver', 'exact');
    const witness = new Witness();
    let url = await start();
    const sleeper = await clients.connect(url, SLEEPER);
    await sleeper.subscribeAsync('queue', { qos: 2 });
    await sleeper.endAsync();
    for (let life = 0; life < KILLS; life++) {
      await witness.connect(url);
      await receiver.connect(url);
      await sender.connect(url);
      await connectMortals(url, life);
      const publisher = await clients.connect(url);
      await new Promise<void>((enough) => void ledger.fill(publisher, enough));
      await kill();
      clients.closeAll();
      url = await start();
      const found = await readRetained(url, 'retained/#', ledger.retained.size);
      const older = [...ledger.retained].filter(([topic, n]) => Number(found.get(topic)) < n);
      expect(older).toEqual([]);
      expect((await readRetained(url, `will/${life}`, 1)).get(`will/${life}`)).toBe('gone');
      if (life % DELAYED_EVERY === 0) await readRetained(url, `late/${life}`, 1);
    }
    await receiver.connect(url);
    await sender.connect(url);
    await sender.drain();
    await receiver.waitFor(sender.completed);
    expect([...receiver.counts].filter(([, times]) => times > 1)).toEqual([]);
    expect([sender.lostSessions, receiver.lostSessions]).toEqual([0, 0]);
    await witness.connect(url);
    await witness.waitFor(ledger.queued);
    const missing = new Set(ledger.queued);
    const inbox = new Inbox(clients.create(url, SLEEPER));
    while (missing.size > 0) missing.delete((await inbox.next()).payload);
    expect(ledger.queued.size).toBeGreaterThan(KILLS * 40);
    expect(sender.completed.size).toBeGreaterThan(KILLS * 10);
    if (process.env['SHOAL_KILLS'] !== undefined) {
      const { size: exact } = sender.completed;
      process.stdout.write(
        `${KILLS} kills: ${ledger.queued.size} queued, ${exact} with QoS 2 exactly once\n`,
      );
    }
    sender.close();
    receiver.close();
  },
);
