import { createBroker } from '@shoal/broker';
import { openLink, silentLogger } from '@shoal/mqtt-link';
import { clientIdOf } from '@shoal/protocol';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryTaskStore } from './io/memory-task-store.ts';
import { retainedTaskStore } from './io/retained-task-store.ts';
import type { TaskStore, TaskStoreContext } from './io/task-store.ts';
import { levelTaskStore } from './level/index.ts';
import type { OpenTaskStore } from './testing/index.ts';
import { taskStoreContract } from './testing/index.ts';

const broker = createBroker({ allowAnonymous: true });
let url = '';
const cleanUp: (() => Promise<unknown>)[] = [() => broker.stop()];

beforeAll(async () => {
  url = (await broker.start()).tcp?.url ?? '';
});
afterAll(async () => {
  for (const work of cleanUp.toReversed()) await work();
});

const retained: OpenTaskStore = async ({ maxTasks }) => {
  const address = { org: 'o', unit: 'u', agentId: `a-${randomUUID()}` };
  const open = async () => {
    const link = await openLink({ url, clientId: clientIdOf(address) });
    const store = retainedTaskStore({ maxTasks, minIntervalMs: 60_000 });
    await store.open?.({ link, address, logger: silentLogger });
    cleanUp.push(() => link.close());
    return store;
  };
  return { store: await open(), reopen: open };
};

const level: OpenTaskStore = async ({ maxTasks }) => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-tasks-'));
  cleanUp.push(() => rm(directory, { recursive: true, force: true }));
  let last: TaskStore | undefined;
  const open = async () => {
    // One at a time may have a directory open; a killed process has let go of it.
    await last?.close?.();
    last = levelTaskStore({ directory, maxTasks, minIntervalMs: 60_000 });
    await last.open?.({ logger: silentLogger } as TaskStoreContext);
    return last;
  };
  cleanUp.push(async () => last?.close?.());
  return { store: await open(), reopen: open };
};

const stores = [
  {
    name: 'memoryTaskStore',
    open: (options: { maxTasks: number }) => Promise.resolve({ store: memoryTaskStore(options) }),
  },
  { name: 'retainedTaskStore', open: retained },
  { name: 'levelTaskStore', open: level },
];

describe.each(stores)('$name', ({ open }) => {
  it.each(taskStoreContract)('$title', async (contractCase) => {
    await expect(contractCase.run(open)).resolves.toBeUndefined();
  });
});
