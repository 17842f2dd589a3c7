import { setTimeout as delay } from 'node:timers/promises';
import { residentBytesOf } from '../process-usage.ts';
import { LeanClient, type Version } from './lean-client.ts';

/** Connections that are opened at once: more than Mosquitto's backlog of 100 would wait for lost packets to be sent again. */
const AT_ONCE = 64;

async function openAll(
  clients: readonly LeanClient[],
  each: (client: LeanClient, index: number) => Promise<void>,
) {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < clients.length) {
      const index = next++;
      await each(clients[index]!, index);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

interface Crowd {
  readonly port: number;
  readonly version: Version;
  readonly count: number;
}

const crowdOf = ({ port, version, count }: Crowd, name: string): LeanClient[] =>
  Array.from(
    { length: count },
    (_, i) => new LeanClient({ port, version, clientId: `${name}-${process.pid}-${i}` }),
  );

/** Resident bytes of the broker for each connection that has one subscription and is idle. The broker must be new. */
export async function measureIdle(crowd: Crowd & { readonly pid: number }): Promise<number> {
  const before = residentBytesOf(crowd.pid);
  const clients = crowdOf(crowd, 'idle');
  await openAll(clients, async (client, i) => {
    await client.open();
    await client.subscribe(`bench/idle/${i}/request`, 1);
  });
  await delay(1_000);
  const after = residentBytesOf(crowd.pid);
  for (const client of clients) client.close();
  return (after - before) / crowd.count;
}

/** Milliseconds until everyone of a crowd that connects at once has its CONNACK. */
export async function measureStorm(crowd: Crowd): Promise<number> {
  const clients = crowdOf(crowd, `storm-${Math.trunc(performance.now())}`);
  const startMs = performance.now();
  await Promise.all(clients.map((client) => client.open()));
  const ms = performance.now() - startMs;
  for (const client of clients) client.close();
  return ms;
}

export const WILL_TOPIC = 'bench/will';

/** Connects clients with a will; they die with this process. */
export async function openDoomed({ port, version, count }: Crowd): Promise<void> {
  const clients = Array.from(
    { length: count },
    (_, i) =>
      new LeanClient({
        port,
        version,
        clientId: `doomed-${process.pid}-${i}`,
        will: { topic: `${WILL_TOPIC}/${i}`, payload: Buffer.from('lost'), qos: 1, retain: false },
      }),
  );
  await openAll(clients, (client) => client.open());
}

/** Wall clock milliseconds, comparable between processes of a machine. */
export const nowMs = (): number => performance.timeOrigin + performance.now();

/** Sees wills arrive. */
export async function watchWills(crowd: Crowd): Promise<{ lastAtMs(): Promise<number>; close(): void }> {
  let seen = 0;
  let lastAtMs = 0;
  let done: (() => void) | undefined;
  const all = new Promise<void>((resolve) => (done = resolve));
  const client = new LeanClient({
    port: crowd.port,
    version: crowd.version,
    clientId: `mourner-${process.pid}-${Math.trunc(performance.now())}`,
    onPublish: () => {
      seen += 1;
      lastAtMs = nowMs();
      if (seen === crowd.count) done?.();
    },
  });
  await client.open();
  await client.subscribe(`${WILL_TOPIC}/#`, 1);
  return {
    async lastAtMs() {
      await Promise.race([all, delay(10_000)]);
      if (seen < crowd.count) throw new Error(`${seen} of ${crowd.count} wills came`);
      return lastAtMs;
    },
    close: () => client.close(),
  };
}
