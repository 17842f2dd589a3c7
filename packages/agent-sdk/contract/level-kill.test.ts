import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBroker } from '@shoal/broker';
import { openLink, silentLogger } from '@shoal/mqtt-link';
import type { Task } from '@shoal/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import type { TaskStoreContext } from '../src/io/task-store.ts';
import { createRequester } from '../src/index.ts';
import { levelTaskRoutes, levelTaskStore } from '../src/level/index.ts';
import { startSource } from '../src/testing/index.ts';

const cleanUp: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const work of cleanUp.splice(0).toReversed()) await work();
});

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'shoal-level-'));
  cleanUp.push(() => rm(made, { recursive: true, force: true }));
  return made;
}

describe('levelTaskStore, kill -9', () => {
  it('every task whose commit resolved is there afterwards, whole', async () => {
    const directory = await folder();
    const writer = startSource(new URL('./task-writer.ts', import.meta.url), [directory]);
    cleanUp.push(() => writer.kill());
    await writer.until((_, lines) => lines.length >= 200);
    await writer.kill();
    const store = levelTaskStore({ directory });
    await store.open?.({ logger: silentLogger } as TaskStoreContext);
    cleanUp.push(async () => store.close?.());
    // The last line may be cut off.
    const committed = writer.lines.filter((line) => line.length === 36);
    for (const id of committed) expect((await store.load(id))?.task.id).toBe(id);
    expect(committed.length).toBeGreaterThanOrEqual(200);
  });

  it('A4 RT4 RT5: an agent that was killed neither forgets a question nor executes a message twice', async () => {
    const broker = createBroker({ allowAnonymous: true });
    const { tcp } = await broker.start();
    cleanUp.push(() => broker.stop());
    const url = tcp?.url ?? '';
    const address = { org: 'o', unit: 'u', agentId: `counter-${randomUUID().slice(0, 8)}` };
    const args = [url, await folder(), address.agentId];
    const link = await openLink({ url, clientId: 'o/u/caller' });
    cleanUp.push(() => link.close());
    const requester = createRequester({ link, address: { ...address, agentId: 'caller' } });

    const first = startSource(new URL('./counting-agent.ts', import.meta.url), args);
    cleanUp.push(() => first.kill());
    await first.until((line) => line === 'ready');
    const done = { text: 'x', messageId: randomUUID(), taskId: randomUUID(), contextId: randomUUID() };
    const asked = { ...done, text: 'ask', messageId: randomUUID(), taskId: randomUUID() };
    const [one] = (await Promise.all(
      [done, asked].map((message) => requester.send(address, message)),
    )) as Task[];
    const hung = { ...done, text: 'hang', messageId: randomUUID(), taskId: randomUUID() };
    await requester.send(address, hung, { returnImmediately: true });
    await first.until((line) => line === hung.messageId);
    await first.kill();

    const second = startSource(new URL('./counting-agent.ts', import.meta.url), args);
    cleanUp.push(() => second.kill());
    await second.until((line) => line === 'ready');
    expect(await requester.send(address, done)).toEqual(one);
    expect(await requester.send(address, hung)).toMatchObject({ status: { state: 'TASK_STATE_FAILED' } });
    const answer = { text: 'that one', messageId: randomUUID(), taskId: asked.taskId };
    expect(await requester.send(address, answer)).toMatchObject({
      status: { state: 'TASK_STATE_COMPLETED' },
    });
    expect(second.lines).toEqual(['ready', answer.messageId]);
  });

  it('a directory that another process has open is refused by name', async () => {
    const directory = await folder();
    const store = levelTaskStore({ directory });
    await store.open?.({ logger: silentLogger } as TaskStoreContext);
    cleanUp.push(async () => store.close?.());
    await expect(
      levelTaskStore({ directory }).open?.({ logger: silentLogger } as TaskStoreContext),
    ).rejects.toMatchObject({
      code: 'store-failed',
    });
  });
});

describe('levelTaskRoutes', () => {
  it('RQ7: what was set is there for the next process, the oldest of too many is not', async () => {
    const directory = await folder();
    const responder = (agentId: string) => ({ org: 'o', unit: 'u', agentId });
    const routes = await levelTaskRoutes({ directory, maxTasks: 2 });
    for (const n of ['1', '2', '3']) await routes.set(n, responder(n));
    await routes.set('2', responder('two'));
    await routes.close();
    const next = await levelTaskRoutes({ directory, maxTasks: 2 });
    cleanUp.push(() => next.close());
    expect([await next.get('1'), await next.get('2'), await next.get('3')]).toEqual([
      undefined,
      responder('two'),
      responder('3'),
    ]);
  });
});
