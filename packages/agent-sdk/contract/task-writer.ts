/** Commits tasks as fast as it can and prints the id of each that is committed, until it is killed. */
import { randomUUID } from 'node:crypto';
import { silentLogger } from '@shoal/mqtt-link';
import { newRecord } from '../src/core/task-record.ts';
import { levelTaskStore } from '../src/level/index.ts';
import type { TaskStoreContext } from '../src/io/task-store.ts';

const store = levelTaskStore({ directory: process.argv[2] as string });
await store.open?.({ logger: silentLogger } as TaskStoreContext);
const write = async (): Promise<never> => {
  for (;;) {
    const id = randomUUID();
    const message = { messageId: id, role: 'ROLE_USER', parts: [{ text: 'x'.repeat(200) }] } as const;
    await store.save(
      newRecord(id, 'c', { ...message, parts: [...message.parts] }, new Date().toISOString()),
      'commit',
    );
    process.stdout.write(`${id}\n`);
  }
};
await Promise.all([write(), write(), write(), write()]);
