import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, rm, stat, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createBroker, isBrokerError, type Broker, type Store } from '../src/index.ts';
import { openLevelStore } from '../src/io/store/level-store.ts';
import { Clients, Inbox } from './mqtt-clients.ts';

const clients = new Clients();
let directory: string;
let broker: Broker | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shoal-broker-damage-'));
});

afterEach(async () => {
  clients.closeAll();
  await broker?.stop();
  await rm(directory, { recursive: true, force: true });
});

async function start(store: string): Promise<string> {
  broker = createBroker({ allowAnonymous: true, store: { directory: store } });
  return (await broker.start()).tcp?.url as string;
}

async function contentOf(store: string): Promise<string[]> {
  const open: Store = await openLevelStore({ directory: store });
  const entries: string[] = [];
  for await (const [key, value] of open.entries()) entries.push(`${key}=${value.toString('hex')}`);
  await open.close();
  return entries;
}

async function retainedOf(url: string): Promise<number[]> {
  const reader = await clients.connect(url);
  const inbox = new Inbox(reader);
  await reader.subscribeAsync('r/#', { qos: 1 });
  await reader.publishAsync('r/end', '', { qos: 1 });
  const numbers: number[] = [];
  for (;;) {
    const { topic } = await inbox.next();
    if (topic === 'r/end') return numbers.toSorted((a, b) => a - b);
    numbers.push(Number(topic.slice(2)));
  }
}

/** A store in which messages 0 to n-1 were acknowledged one after the other, as a crash leaves it. */
async function crashImage(count: number): Promise<string> {
  const url = await start(join(directory, 'live'));
  const sender = await clients.connect(url);
  for (let i = 0; i < count; i++)
    await sender.publishAsync(`r/${i}`, 'x'.repeat(100), { qos: 1, retain: true });
  const image = join(directory, 'image');
  await cp(join(directory, 'live'), image, { recursive: true });
  await broker?.stop();
  return image;
}

describe('a store that a crash left behind', () => {
  it('has everything that was acknowledged, and after a torn write all but the end of it', async () => {
    const image = await crashImage(40);
    const log = (await readdir(image)).find((name) => name.endsWith('.log')) as string;
    const { size } = await stat(join(image, log));
    for (const lost of [0, 1, 3, 50, 150, 151, 1_000, size - 1, size]) {
      const torn = join(directory, `torn-${lost}`);
      await cp(image, torn, { recursive: true });
      await truncate(join(torn, log), size - lost);
      const numbers = await retainedOf(await start(torn));
      expect(numbers).toEqual(numbers.map((_, i) => i));
      expect(numbers.length).toBeGreaterThanOrEqual(lost === 0 ? 40 : 39 - Math.ceil(lost / 150));
      await broker?.stop();
    }
  });

  it('is not begun anew when its CURRENT file is gone', async () => {
    const image = await crashImage(3);
    await unlink(join(image, 'CURRENT'));
    const before = await readdir(image);
    await expect(start(image)).rejects.toSatisfy((error) => isBrokerError(error, 'store-open-failed'));
    expect(await readdir(image)).toEqual(before);
  });

  it('is refused when LevelDB cannot read it', async () => {
    const image = await crashImage(3);
    await writeFile(join(image, 'CURRENT'), 'MANIFEST-999999\n');
    await expect(start(image)).rejects.toSatisfy((error) => isBrokerError(error, 'store-open-failed'));
  });
});

/** Flags and packet identifier, the length of what follows, and where the message is. */
const LOST_MESSAGE = '\0\0\0\0\0\0\u{11}{"messageId":"9"}';

describe('a store that is not for this broker', () => {
  it.each([
    ['of another version', 'meta', '{"version":99,"storeId":"x"}', 'store-version-unknown'],
    ['with a version that cannot be read', 'meta', '{"vers', 'store-version-unknown'],
    ['with a record that cannot be read', 'r\0topic', 'garbage', 'store-open-failed'],
    ['with a record of another kind', 'z\0topic', 'x', 'store-open-failed'],
    [
      'with a delivery whose message is missing',
      ['q', 'a', '1'].join('\0'),
      LOST_MESSAGE,
      'store-open-failed',
    ],
  ] as const)('is refused and left as it is: %s', async (_what, key, value, code) => {
    await start(directory);
    await broker?.stop();
    const store = await openLevelStore({ directory });
    await store.write([{ key, value: Buffer.from(value) }]);
    await store.close();
    const before = await contentOf(directory);
    await expect(start(directory)).rejects.toSatisfy((error) => isBrokerError(error, code));
    await broker?.stop();
    expect(await contentOf(directory)).toEqual(before);
  });

  it('is refused also when it is a directory of something else', async () => {
    await writeFile(join(directory, 'holiday.jpg'), 'x');
    await expect(start(directory)).rejects.toSatisfy((error) => isBrokerError(error, 'store-open-failed'));
    expect(await readdir(directory)).toEqual(['holiday.jpg']);
  });
});

const main = fileURLToPath(new URL('../src/bin/main.ts', import.meta.url));

/** The URL that the command logs. */
async function listening(stderr: Readable): Promise<string> {
  const lines = createInterface({ input: stderr });
  return new Promise((resolve) => {
    lines.on('line', (line) => {
      const { tcp } = JSON.parse(line) as { tcp?: { url: string } };
      if (tcp !== undefined) resolve(tcp.url);
    });
  });
}

describe.skipIf(process.platform === 'win32')('a disk that is full', () => {
  it('ends the process with an error, and what was acknowledged is there when there is room again', async () => {
    const store = join(directory, 'store');
    const node = [process.execPath, '--conditions=@shoal/source', '--import', 'tsx', main];
    const flags = ['--port', '0', '--data', store, '--allow-anonymous'];
    // No file may grow beyond 64 blocks: a write then fails as on a full disk.
    const child = spawn('sh', ['-c', 'ulimit -f 64; exec "$0" "$@"', ...node, ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const exited = once(child, 'exit') as Promise<[number | null]>;
    const sender = await clients.connect(await listening(child.stderr));
    let acknowledged = 0;
    const publishing = (async () => {
      for (;;) {
        await sender.publishAsync(`r/${acknowledged}`, 'x'.repeat(1_000), { qos: 1, retain: true });
        acknowledged++;
      }
    })();
    await Promise.race([publishing.catch(() => undefined), exited]);
    expect((await exited)[0]).toBe(1);
    expect(acknowledged).toBeGreaterThan(5);
    const numbers = await retainedOf(await start(store));
    expect(numbers.slice(0, acknowledged)).toEqual(Array.from({ length: acknowledged }, (_, i) => i));
  });
});
