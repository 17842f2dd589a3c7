import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import type { MqttClient } from 'mqtt';
import { afterEach, expect, it } from 'vitest';

import { Clients, Inbox } from './mqtt-clients.ts';

/** More with SHOAL_KILLS=300. */
const KILLS = Number(process.env['SHOAL_KILLS'] ?? 15);
const IN_FLIGHT = 20;
const RETAINED_TOPICS = 50;

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

async function readRetained(url: string, count: number): Promise<Map<string, number>> {
  const reader = await clients.connect(url);
  const inbox = new Inbox(reader);
  await reader.subscribeAsync('retained/#', { qos: 1 });
  const found = new Map<string, number>();
  while (found.size < count) {
    const { topic, payload } = await inbox.next();
    found.set(topic, Number(payload));
  }
  await reader.endAsync();
  return found;
}

it(
  `loses no acknowledged message when it is killed ${KILLS} times under load`,
  { timeout: 20_000 + KILLS * 3_000 },
  async () => {
    directory = await mkdtemp(join(tmpdir(), 'shoal-broker-kill-'));
    const ledger = new Ledger();
    let url = await start();
    const sleeper = await clients.connect(url, SLEEPER);
    await sleeper.subscribeAsync('queue', { qos: 2 });
    await sleeper.endAsync();
    for (let life = 0; life < KILLS; life++) {
      const publisher = await clients.connect(url);
      const enough = new Promise<void>((resolve) => void ledger.fill(publisher, resolve));
      await enough;
      await kill();
      url = await start();
      const found = await readRetained(url, ledger.retained.size);
      for (const [topic, n] of ledger.retained) expect(found.get(topic)).toBeGreaterThanOrEqual(n);
    }
    const missing = new Set(ledger.queued);
    const inbox = new Inbox(clients.create(url, SLEEPER));
    while (missing.size > 0) missing.delete((await inbox.next()).payload);
    expect(ledger.queued.size).toBeGreaterThan(KILLS * 40);
  },
);
