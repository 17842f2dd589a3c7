import type { Journal } from '../../core/journal.ts';
import type { Message } from '../../core/message.ts';
import type { Delivery, Session, Subscription, Will } from '../../core/session.ts';
import type { CommitGate, CommitWaiter } from '../commit-gate.ts';
import {
  encodeDelivery,
  encodeMessage,
  encodeSession,
  encodeSubscription,
  encodeWill,
  keyOf,
  META_KEY,
  sequenceKey,
} from './records.ts';
import type { Store } from './store.ts';

const FULL_BYTES = 32 * 1024 * 1024;
/** Messages up to this size are kept with each of their deliveries, larger ones once for all. */
const INLINE_BYTES = 2_048;

/** A message in the store, once for all sessions it is queued for. */
interface Stored {
  readonly id: string;
  references: number;
}

/**
 * Collects what the core records and writes it in batches: while one batch is being written the next one collects, so that many
 * acknowledgements share one flush of the disk.
 */
export class StoreJournal implements Journal, CommitGate {
  epoch = 1;
  changes = 0;
  private batch = new Map<string, Buffer | undefined>();
  private batchBytes = 0;
  /** Keys that were first put in this batch: deleting them needs no trace. */
  private fresh = new Set<string>();
  private waiters = new Set<CommitWaiter>();
  private writing: Promise<void> | undefined;
  private store: Store | undefined;
  private nextMessageId = 1;
  private readonly messages = new WeakMap<Message, Stored>();
  /** What is recorded; undefined for a delivery that carries its message. */
  private readonly deliveries = new WeakMap<Delivery, Stored | undefined>();
  private readonly onFailure: (error: unknown) => void;
  private readonly schedule: () => void;

  /** `schedule` must see to a call of `commit` in this turn of the event loop. */
  constructor(schedule: () => void, onFailure: (error: unknown) => void) {
    this.schedule = schedule;
    this.onFailure = onFailure;
  }

  attach(store: Store): void {
    this.store = store;
  }

  // CommitGate

  isClean(): boolean {
    return this.batch.size === 0 && this.writing === undefined;
  }

  isFull(): boolean {
    return this.batchBytes > FULL_BYTES;
  }

  join(waiter: CommitWaiter): void {
    this.waiters.add(waiter);
    this.schedule();
  }

  commit(): void {
    if (this.writing !== undefined || this.store === undefined) return;
    if (this.batch.size === 0 && this.waiters.size === 0) return;
    const { batch, waiters, epoch } = this;
    this.batch = new Map();
    this.batchBytes = 0;
    this.fresh = new Set();
    this.waiters = new Set();
    this.epoch++;
    if (batch.size === 0) for (const waiter of waiters) waiter.committed(epoch);
    else this.writing = this.write(this.store, batch, waiters, epoch);
  }

  private async write(
    store: Store,
    batch: ReadonlyMap<string, Buffer | undefined>,
    waiters: ReadonlySet<CommitWaiter>,
    epoch: number,
  ): Promise<void> {
    try {
      await store.write([...batch].map(([key, value]) => ({ key, value })));
    } catch (error) {
      // Nothing of this batch may be acknowledged any more, and nothing after it.
      this.store = undefined;
      this.onFailure(error);
      return;
    }
    this.writing = undefined;
    for (const waiter of waiters) waiter.committed(epoch);
    if (this.batch.size > 0 || this.waiters.size > 0) this.schedule();
  }

  /** Writes what is left. */
  async flush(): Promise<void> {
    while (this.store !== undefined && (this.writing !== undefined || this.batch.size > 0)) {
      this.commit();
      await this.writing;
    }
  }

  private put(key: string, value: Buffer): void {
    this.changes++;
    this.batch.set(key, value);
    this.batchBytes += value.length + key.length;
    this.schedule();
  }

  private delete(key: string): void {
    this.changes++;
    if (this.fresh.delete(key)) {
      this.batch.delete(key);
      return;
    }
    this.batch.set(key, undefined);
    this.schedule();
  }

  // Journal

  meta(value: Buffer): void {
    this.put(META_KEY, value);
  }

  retained(topic: string, message: Message | undefined): void {
    if (topic.startsWith('$SYS/')) return;
    const key = keyOf('retained', topic);
    if (message === undefined) this.delete(key);
    else this.put(key, encodeMessage(message));
  }

  session(session: Session): void {
    const { expirySeconds, disconnectedAtMs, holder } = session;
    const record = {
      expirySeconds,
      ...(holder === undefined ? {} : { holder }),
      ...(session.connection === undefined ? { disconnectedAtMs } : {}),
    };
    this.put(keyOf('session', session.clientId), encodeSession(record));
  }

  sessionEnded(session: Session): void {
    const { clientId } = session;
    this.delete(keyOf('session', clientId));
    this.delete(keyOf('will', clientId));
    for (const key of session.subscriptions.keys()) this.delete(keyOf('subscription', clientId, key));
    for (const id of session.inboundIds) this.delete(keyOf('inbound', clientId, String(id)));
    for (const delivery of session.inflight.values()) this.delivered(session, delivery);
    for (const delivery of session.queue) this.delivered(session, delivery);
  }

  will(session: Session, will: Will | undefined): void {
    const key = keyOf('will', session.clientId);
    if (will === undefined) this.delete(key);
    else this.put(key, encodeWill(will));
  }

  subscription(session: Session, filter: string, subscription: Subscription | undefined): void {
    const key = keyOf('subscription', session.clientId, filter);
    if (subscription === undefined) this.delete(key);
    else this.put(key, encodeSubscription(subscription));
  }

  delivery(session: Session, delivery: Delivery): void {
    const key = keyOf('delivery', session.clientId, sequenceKey(delivery.sequence));
    if (!this.deliveries.has(delivery)) {
      this.deliveries.set(delivery, this.share(delivery.message));
      this.fresh.add(key);
    }
    this.put(key, encodeDelivery(delivery, this.deliveries.get(delivery)?.id));
  }

  private share(message: Message): Stored | undefined {
    if (message.payload.length + message.properties.length <= INLINE_BYTES) return undefined;
    const known = this.messages.get(message);
    if (known !== undefined && known.references > 0) {
      known.references++;
      return known;
    }
    const stored = { id: sequenceKey(this.nextMessageId++), references: 1 };
    this.messages.set(message, stored);
    const key = keyOf('message', stored.id);
    this.fresh.add(key);
    this.put(key, encodeMessage(message));
    return stored;
  }

  delivered(session: Session, delivery: Delivery): void {
    if (!this.deliveries.has(delivery)) return;
    const stored = this.deliveries.get(delivery);
    this.deliveries.delete(delivery);
    this.delete(keyOf('delivery', session.clientId, sequenceKey(delivery.sequence)));
    if (stored !== undefined && --stored.references === 0) this.delete(keyOf('message', stored.id));
  }

  inboundId(session: Session, packetId: number, present: boolean): void {
    const key = keyOf('inbound', session.clientId, String(packetId));
    if (present) this.put(key, Buffer.alloc(0));
    else this.delete(key);
  }

  // Restoring

  /** Takes over the numbering of a store that was read. */
  resumeMessageIds(next: number): void {
    this.nextMessageId = next;
  }

  /** Connects a delivery that was read with its record. */
  adopt(delivery: Delivery, messageId: string | undefined): void {
    if (messageId === undefined) {
      this.deliveries.set(delivery, undefined);
      return;
    }
    const stored = this.messages.get(delivery.message) ?? { id: messageId, references: 0 };
    stored.references++;
    this.messages.set(delivery.message, stored);
    this.deliveries.set(delivery, stored);
  }

  discard(key: string): void {
    this.delete(key);
  }
}
