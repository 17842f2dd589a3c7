import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { NO_PROPERTIES } from '../src/core/codec/properties.ts';
import { createMessage, type Message } from '../src/core/message.ts';
import { createSession, type Connection, type Delivery, type Session } from '../src/core/session.ts';
import { readLogEntry } from '../src/io/store/log-entry.ts';
import { MemoryStore } from '../src/io/store/memory-store.ts';
import {
  decodeMeta,
  encodeDelivery,
  encodeFate,
  encodeMeta,
  encodeSession,
  keyOf,
  sequenceKey,
} from '../src/io/store/records.ts';
import { readSnapshot } from '../src/io/store/read-snapshot.ts';
import { StoreJournal } from '../src/io/store/store-journal.ts';

const LARGE = 70_000;
const CLIENTS = ['near', 'away', 'other'];

const messageOf = (text: string, bytes: number): Message =>
  createMessage(
    {
      topic: 't',
      payload: Buffer.from(text.padEnd(bytes)),
      qos: 2,
      retain: false,
      properties: NO_PROPERTIES,
    },
    'sender',
    0,
  );

/** The deliveries of some sessions beside a journal that records them, and what a broker would find that died now. */
class Site {
  readonly store = new MemoryStore();
  private journal!: StoreJournal;
  private sessions = new Map<string, Session>();
  private message!: Message;
  private count = 0;
  private readonly maxLogBytes: number;

  constructor(maxLogBytes: number) {
    this.maxLogBytes = maxLogBytes;
  }

  /** Also after a crash: everything begins anew with what the store has. */
  async start(): Promise<void> {
    this.journal = this.createJournal();
    this.message = messageOf(`message ${++this.count}`, 10);
    const { snapshot } = await readSnapshot(this.store, this.journal);
    this.sessions = new Map(CLIENTS.map((id) => [id, createSession(id, 100)]));
    // The others are away.
    this.sessions.get('near')!.connection = {} as Connection;
    for (const { clientId, deliveries } of snapshot.sessions) {
      const session = this.sessions.get(clientId)!;
      for (const delivery of deliveries) {
        session.inflight.set(delivery.sequence, delivery);
        session.nextSequence = delivery.sequence + 1;
      }
    }
    this.journal.attach(this.store);
    await this.journal.flush();
  }

  private createJournal(): StoreJournal {
    return new StoreJournal(
      () => undefined,
      (error) => {
        throw error;
      },
      this.maxLogBytes,
    );
  }

  deliver(client: number, qos: 1 | 2, isSent: boolean, isNew: boolean, isLarge: boolean): void {
    const session = this.sessions.get(CLIENTS[client]!)!;
    if (isNew) this.message = messageOf(`message ${++this.count}`, isLarge ? LARGE : 40);
    const sequence = session.nextSequence++;
    const delivery: Delivery = {
      sequence,
      message: this.message,
      qos,
      retain: false,
      subscriptionIds: [],
      share: undefined,
      packetId: isSent ? (sequence % 1000) + 1 : 0,
      state: isSent ? 'sent' : 'queued',
    };
    session.inflight.set(sequence, delivery);
    this.journal.beginStep();
    this.journal.delivery(session, delivery);
    this.journal.endStep();
  }

  /** One step further on its way. */
  advance(which: number): void {
    const all = [...this.sessions.values()].flatMap((session) =>
      [...session.inflight.values()].map((delivery) => ({ session, delivery })),
    );
    const chosen = all[which % Math.max(1, all.length)];
    if (chosen === undefined) return;
    const { session, delivery } = chosen;
    if (delivery.state === 'queued') {
      delivery.packetId = (delivery.sequence % 1000) + 1;
      delivery.state = 'sent';
    } else if (delivery.qos === 2 && delivery.state === 'sent') delivery.state = 'released';
    else {
      session.inflight.delete(delivery.sequence);
      this.journal.delivered(session, delivery);
      return;
    }
    this.journal.delivery(session, delivery);
  }

  /** The same client begins again, with the same numbers. */
  endSession(client: number): void {
    const session = this.sessions.get(CLIENTS[client]!)!;
    this.journal.sessionEnded(session);
    session.inflight.clear();
    session.nextSequence = 1;
  }

  async commit(): Promise<void> {
    const { found, expected } = await this.compare();
    expect(found).toEqual(expected);
  }

  /** What the store has after a commit, and what it should have. */
  async compare(): Promise<{ readonly found: string[]; readonly expected: string[] }> {
    await this.journal.flush();
    const { snapshot } = await readSnapshot(this.store, this.createJournal());
    const found = snapshot.sessions.flatMap(({ clientId, deliveries }) =>
      deliveries.map((delivery) => described(clientId, delivery)),
    );
    const expected = [...this.sessions.values()].flatMap(({ clientId, inflight }) =>
      [...inflight.values()].map((delivery) => described(clientId, delivery)),
    );
    for (const { deliveries } of snapshot.sessions) {
      const sequences = deliveries.map(({ sequence }) => sequence);
      expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
    }
    return { found: found.toSorted(), expected: expected.toSorted() };
  }
}

function described(clientId: string, { sequence, qos, state, packetId, message }: Delivery): string {
  const content = state === 'released' ? '' : message.payload.toString().trim();
  return [clientId, sequence, qos, state, packetId, content].join(' ');
}

type Action = (site: Site) => void | Promise<void>;

const client = fc.nat({ max: CLIENTS.length - 1 });
const qos = fc.constantFrom(1 as const, 2 as const);
const rarely = fc.nat({ max: 30 }).map((n) => n === 0);
const actions: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(client, qos, fc.boolean(), fc.boolean(), rarely).map(
      ([...args]): Action =>
        (site) =>
          site.deliver(...args),
    ),
  },
  {
    weight: 12,
    arbitrary: fc.nat().map(
      (which): Action =>
        (site) =>
          site.advance(which),
    ),
  },
  {
    weight: 1,
    arbitrary: client.map(
      (which): Action =>
        (site) =>
          site.endSession(which),
    ),
  },
  { weight: 3, arbitrary: fc.constant<Action>((site) => site.commit()) },
  // What is not written yet is lost, and the model with it.
  { weight: 1, arbitrary: fc.constant<Action>((site) => site.start()) },
);

it.each([
  ['one that is never too long', undefined],
  ['a short one, whose deliveries soon get records of their own', 300],
  ['none at all', 0],
])('has every delivery as it was after every commit, with a log: %s', async (_name, maxLogBytes) => {
  await fc.assert(
    fc.asyncProperty(fc.array(actions, { minLength: 5, maxLength: 120 }), async (steps) => {
      const site = new Site(maxLogBytes ?? 1_000_000);
      await site.start();
      for (const step of steps) await step(site);
      await site.commit();
      await site.start();
      const { found, expected } = await site.compare();
      expect(found).toEqual(expected);
    }),
    { numRuns: 80 },
  );
});

it('deletes what an ended session left, also when a new one had and lost a message of the same number meanwhile', async () => {
  const site = new Site(1_000);
  await site.start();
  site.deliver(1, 1, false, true, false);
  await site.commit();
  site.endSession(1);
  site.deliver(1, 1, false, true, false);
  site.endSession(1);
  const { found } = await site.compare();
  expect(found).toEqual([]);
});

it('keeps the store small while deliveries come and go, although one of them stays', async () => {
  const site = new Site(2_000);
  await site.start();
  site.deliver(0, 2, true, true, false);
  for (let i = 0; i < 500; i++) {
    site.deliver(0, 2, true, true, false);
    await site.commit();
    site.advance(1);
    await site.commit();
    site.advance(1);
  }
  await site.commit();
  expect(site.store.size).toBeLessThan(100);
});

it('writes a message to a hundred clients, and what becomes of it, with one record a batch', async () => {
  const store = new MemoryStore();
  const keys: string[] = [];
  const journal = new StoreJournal(
    () => undefined,
    () => undefined,
  );
  const write = store.write.bind(store);
  store.write = (changes) => {
    keys.push(...changes.map(({ key }) => key.slice(0, 2)));
    return write(changes);
  };
  journal.attach(store);
  const message = messageOf('to all', 500);
  const all = Array.from({ length: 100 }, (_, i) => {
    const delivery: Delivery = {
      sequence: 1,
      message,
      qos: 2,
      retain: false,
      subscriptionIds: [],
      share: undefined,
      packetId: 1,
      state: 'sent',
    };
    return { session: createSession(`client-${i}`, 100), delivery };
  });
  for (const { session, delivery } of all) journal.delivery(session, delivery);
  await journal.flush();
  for (const { session, delivery } of all) {
    delivery.state = 'released';
    journal.delivery(session, delivery);
  }
  await journal.flush();
  for (const { session, delivery } of all) journal.delivered(session, delivery);
  await journal.flush();
  expect(keys.length).toBeLessThanOrEqual(6);
  expect(new Set(keys)).toEqual(new Set(['l\0']));
});

it('says what is wrong with an entry that cannot be read', () => {
  const reader = { delivery() {}, sent() {}, released() {}, gone() {} };
  expect(() => readLogEntry(Buffer.from([9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), reader)).toThrow(/client/);
  expect(() => readLogEntry(Buffer.from([1, 0, 0, 0, 5, 97]), reader)).toThrow(/too early/);
  expect(() => readLogEntry(Buffer.from([6]), reader)).toThrow(RangeError);
});

it.each([2, 3])(
  'reads a store of version %i and leaves one of version 4 with the same id',
  async (version) => {
    const store = new MemoryStore();
    const record = {
      sequence: 5,
      message: messageOf('old', 10),
      qos: 2,
      retain: false,
      subscriptionIds: [],
      share: undefined,
      packetId: 7,
      state: 'sent',
    } as const;
    await store.write([
      { key: 'meta', value: encodeMeta({ version, storeId: 'kept' }) },
      { key: keyOf('session', 'near'), value: encodeSession({ expirySeconds: 100 }) },
      { key: keyOf('delivery', 'near', sequenceKey(5)), value: encodeDelivery(record, undefined) },
    ]);
    const journal = new StoreJournal(
      () => undefined,
      () => undefined,
    );
    const { snapshot, storeId } = await readSnapshot(store, journal);
    expect(storeId).toBe('kept');
    expect(snapshot.sessions[0]?.deliveries).toMatchObject([{ sequence: 5, packetId: 7, state: 'sent' }]);
    journal.attach(store);
    await journal.flush();
    const entries = new Map<string, Buffer>();
    for await (const [key, value] of store.entries()) entries.set(key, value);
    expect(decodeMeta(entries.get('meta')!)).toEqual({ version: 4, storeId: 'kept' });
  },
);

it('says what is wrong with a pack that cannot be read, or is missing', async () => {
  const queued = {
    sequence: 5,
    message: messageOf('waiting', 10),
    qos: 1,
    retain: false,
    subscriptionIds: [],
    share: undefined,
    packetId: 0,
    state: 'queued',
  } as const;
  const store = new MemoryStore();
  const journal = new StoreJournal(
    () => undefined,
    () => undefined,
  );
  journal.attach(store);
  for (const sequence of [5, 6]) journal.delivery(createSession('away', 100), { ...queued, sequence });
  await journal.flush();
  const entries: (readonly [string, Buffer])[] = [];
  for await (const entry of store.entries()) entries.push(entry);
  const [key, value] = entries.find(([each]) => each.startsWith('p'))!;
  const meta = { key: 'meta', value: encodeMeta({ version: 4, storeId: 'kept' }) };
  await store.write([meta, { key, value: value.subarray(0, -1) }]);
  await expect(readSnapshot(store, journal)).rejects.toThrow(/"p away 00000000005": it ends too early/);
  const fate = { key: keyOf('delivery', 'away', sequenceKey(5)), value: encodeFate('gone') };
  await store.write([fate, { key, value: undefined }]);
  await expect(readSnapshot(store, journal)).rejects.toThrow(/"q away 00000000005": the pack .* missing/);
});
