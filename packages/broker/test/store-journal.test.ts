import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { NO_PROPERTIES } from '../src/core/codec/properties.ts';
import { createMessage } from '../src/core/message.ts';
import { createSession, type Delivery } from '../src/core/session.ts';
import type { CommitWaiter } from '../src/io/commit-gate.ts';
import { MemoryStore } from '../src/io/store/memory-store.ts';
import { StoreJournal } from '../src/io/store/store-journal.ts';
import type { StoreChange } from '../src/io/store/store.ts';

class CountingStore extends MemoryStore {
  readonly batches: (readonly StoreChange[])[] = [];

  override write(changes: readonly StoreChange[]): Promise<void> {
    this.batches.push(changes);
    return super.write(changes);
  }
}

const session = createSession('receiver', 1_000);
const retained = createMessage(
  { topic: 'r', payload: Buffer.from('x'), qos: 1, retain: true, properties: NO_PROPERTIES },
  'sender',
  0,
);
let sequence = 0;
let store: CountingStore;
let journal: StoreJournal;

const delivery = (fields: Partial<Delivery> = {}): Delivery => ({
  sequence: ++sequence,
  message: { ...retained, topic: 't' },
  qos: 1,
  retain: false,
  subscriptionIds: [],
  share: undefined,
  packetId: 1,
  state: 'sent',
  ...fields,
});

/** Something that waits for what `record` records. */
function step(record: () => void): { readonly epochs: number[] } {
  const stake = journal.beginStep();
  record();
  journal.endStep();
  const waiter: CommitWaiter & { epochs: number[] } = { epochs: [], committed: (n) => waiter.epochs.push(n) };
  if (!stake.isSettled) journal.join(waiter, stake);
  return waiter;
}

/** Of each change the first letter of its key, and whether it puts or deletes. */
const kindsOf = (changes: readonly StoreChange[] = []): string[] =>
  changes.map(({ key, value }) => key.charAt(0) + (value === undefined ? '-' : '+')).toSorted();

beforeEach(() => {
  vi.useFakeTimers();
  store = new CountingStore();
  journal = new StoreJournal(
    // As at the end of a turn of the event loop.
    () => setImmediate(() => journal.commit()),
    (error) => {
      throw error;
    },
  );
  journal.attach(store);
});

afterEach(() => {
  vi.useRealTimers();
});

it('writes a promise at once', async () => {
  const waiter = step(() => journal.retained('r', retained));
  await vi.advanceTimersByTimeAsync(0);
  expect(store.batches).toHaveLength(1);
  expect(waiter.epochs).toEqual([1]);
});

it('never writes a message that its receiver acknowledged in time, and lets its publisher go then', async () => {
  const sent = delivery();
  const waiter = step(() => journal.delivery(session, sent));
  await vi.advanceTimersByTimeAsync(0);
  expect(waiter.epochs).toEqual([]);
  journal.delivered(session, sent);
  await vi.advanceTimersByTimeAsync(0);
  expect(waiter.epochs.length).toBeGreaterThan(0);
  await vi.advanceTimersByTimeAsync(100);
  expect(store.batches).toEqual([]);
});

it('writes after a moment what was not acknowledged, and only then lets the publisher go', async () => {
  const waiter = step(() => journal.delivery(session, delivery()));
  await vi.advanceTimersByTimeAsync(0);
  expect(store.batches).toEqual([]);
  await vi.advanceTimersByTimeAsync(2);
  expect(store.batches.map((changes) => changes.length)).toEqual([1]);
  expect(waiter.epochs).toEqual([1]);
});

it('writes at once what waits for a receiver that is away, and QoS 2', async () => {
  step(() => journal.delivery(session, delivery({ state: 'queued', packetId: 0 })));
  await vi.advanceTimersByTimeAsync(0);
  expect(store.batches).toHaveLength(1);
  step(() => journal.delivery(session, delivery({ qos: 2 })));
  await vi.advanceTimersByTimeAsync(0);
  expect(store.batches).toHaveLength(2);
});

it('does not take a message that another receiver has now for acknowledged', async () => {
  const first = delivery();
  const waiter = step(() => journal.delivery(session, first));
  journal.delivery(session, delivery());
  journal.delivered(session, first, true);
  await vi.advanceTimersByTimeAsync(0);
  expect(waiter.epochs).toEqual([]);
  await vi.advanceTimersByTimeAsync(2);
  expect(store.batches.map((changes) => changes.length)).toEqual([1]);
  expect(waiter.epochs).toEqual([1]);
});

it('waits for the last of several receivers', async () => {
  const [one, other] = [delivery(), delivery()];
  const waiter = step(() => {
    journal.delivery(session, one);
    journal.delivery(session, other);
  });
  journal.delivered(session, one);
  await vi.advanceTimersByTimeAsync(0);
  expect(waiter.epochs).toEqual([]);
  journal.delivered(session, other);
  await vi.advanceTimersByTimeAsync(0);
  expect(waiter.epochs.length).toBeGreaterThan(0);
  expect(store.batches).toEqual([]);
});

it('waits less and less often when receivers make no use of it', async () => {
  let waited = 0;
  for (let i = 0; i < 100; i++) {
    const before = store.batches.length;
    journal.delivery(session, delivery());
    await vi.advanceTimersByTimeAsync(0);
    if (store.batches.length === before) waited++;
    await vi.advanceTimersByTimeAsync(5);
    expect(store.batches).toHaveLength(before + 1);
  }
  expect(waited).toBeLessThan(10);
});

it('keeps a message for several receivers with the first of them, and once for all others', async () => {
  const { message } = delivery();
  for (let i = 0; i < 5; i++) {
    const receiver = createSession(`receiver ${i}`, 1_000);
    journal.delivery(receiver, delivery({ message, state: 'queued', packetId: 0 }));
  }
  await vi.advanceTimersByTimeAsync(0);
  const values = store.batches.flat().map(({ key, value }) => `${key[0]}${value!.includes('x')}`);
  expect(values.toSorted()).toEqual(['mtrue', 'qfalse', 'qfalse', 'qfalse', 'qfalse', 'qtrue']);
});

it('writes what waits for one receiver with one record a batch, and deletes that with the last of it', async () => {
  const waiting = Array.from({ length: 5 }, () => delivery({ state: 'queued', packetId: 0 }));
  for (const each of waiting) journal.delivery(session, each);
  await journal.flush();
  expect(kindsOf(store.batches[0])).toEqual(['p+']);
  for (const [i, each] of waiting.entries()) {
    each.state = 'sent';
    each.packetId = i + 1;
    journal.delivery(session, each);
  }
  journal.delivered(session, waiting[0]!);
  await journal.flush();
  expect(kindsOf(store.batches[1])).toEqual(Array(5).fill('q+'));
  for (const each of waiting.slice(1)) journal.delivered(session, each);
  await journal.flush();
  expect(kindsOf(store.batches[2])).toEqual(['p-', ...Array<string>(5).fill('q-')]);
  expect(store.size).toBe(0);
});

it('writes nothing of what became of a pack when all of it is over at once', async () => {
  const waiting = Array.from({ length: 5 }, () => delivery({ state: 'queued', packetId: 0 }));
  for (const each of waiting) journal.delivery(session, each);
  await journal.flush();
  for (const each of waiting) {
    each.state = 'sent';
    journal.delivery(session, each);
  }
  for (const each of waiting) journal.delivered(session, each);
  await journal.flush();
  expect(kindsOf(store.batches[1])).toEqual(['p-']);
  expect(store.size).toBe(0);
});

it('begins another pack when one is large', async () => {
  const payload = Buffer.alloc(2_000);
  for (let i = 0; i < 50; i++)
    journal.delivery(session, delivery({ message: { ...retained, payload }, state: 'queued', packetId: 0 }));
  await journal.flush();
  expect(kindsOf(store.batches[0])).toEqual(['p+', 'p+']);
});
