import type { Journal } from '../../core/journal.ts';
import type { Message } from '../../core/message.ts';
import type { Delivery, Session, Subscription, Will } from '../../core/session.ts';
import type { CommitGate, CommitWaiter } from '../commit-gate.ts';
import { Batch, type Weight } from './batch.ts';
import { Linger } from './linger.ts';
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
 * acknowledgements share one flush of the disk. A message that all its receivers have acknowledged before it was written needs no disk.
 */
export class StoreJournal implements Journal, CommitGate {
  epoch = 1;
  changes = 0;
  private batch = new Batch();
  private readonly linger: Linger;
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
    this.linger = new Linger(schedule);
  }

  attach(store: Store): void {
    this.store = store;
  }

  // CommitGate

  isClean(): boolean {
    return this.batch.size === 0 && this.writing === undefined;
  }

  isFull(): boolean {
    return this.batch.bytes > FULL_BYTES;
  }

  join(waiter: CommitWaiter): void {
    this.waiters.add(waiter);
    this.schedule();
  }

  commit(): void {
    if (this.writing !== undefined || this.store === undefined) return;
    const { batch } = this;
    if (batch.isSettled) this.release();
    const paid = batch.isSettled || batch.spared > batch.size;
    if (batch.size === 0) return this.linger.end(paid);
    if (!batch.isPromised && !this.isFull() && this.linger.wait()) return;
    this.linger.end(paid);
    this.startWriting(this.store);
  }

  /** Everyone who waits may go on: what they wait for is written, or need not be any more. */
  private release(): void {
    if (this.waiters.size === 0) return;
    const { waiters, epoch } = this;
    this.waiters = new Set();
    this.epoch++;
    for (const waiter of waiters) waiter.committed(epoch);
  }

  private startWriting(store: Store): void {
    const { batch, waiters, epoch } = this;
    this.batch = new Batch();
    this.waiters = new Set();
    this.epoch++;
    this.writing = this.write(store, batch, waiters, epoch);
  }

  private async write(
    store: Store,
    batch: Batch,
    waiters: ReadonlySet<CommitWaiter>,
    epoch: number,
  ): Promise<void> {
    try {
      await store.write(batch.changes());
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
    this.linger.end(true);
    while (this.store !== undefined && (this.writing !== undefined || this.batch.size > 0)) {
      if (this.writing === undefined) this.startWriting(this.store);
      await this.writing;
    }
  }

  private put(key: string, value: Buffer, weight: Weight = 'promised', isNew = false): void {
    this.changes++;
    this.batch.put(key, value, weight, isNew);
    this.schedule();
  }

  private delete(key: string, weight: Weight = 'promised'): void {
    this.changes++;
    this.batch.delete(key, weight);
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
    const isNew = !this.deliveries.has(delivery);
    if (isNew) this.deliveries.set(delivery, this.share(delivery.message));
    // QoS 2 is sent when its identifier is written, so waiting for its receiver would wait for ever.
    const weight = delivery.qos === 1 && delivery.state === 'sent' ? 'transient' : 'promised';
    this.put(key, encodeDelivery(delivery, this.deliveries.get(delivery)?.id), weight, isNew);
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
    // Its deliveries say what it is worth.
    this.put(keyOf('message', stored.id), encodeMessage(message), 'late', true);
    return stored;
  }

  delivered(session: Session, delivery: Delivery): void {
    if (!this.deliveries.has(delivery)) return;
    const stored = this.deliveries.get(delivery);
    this.deliveries.delete(delivery);
    this.delete(keyOf('delivery', session.clientId, sequenceKey(delivery.sequence)), 'late');
    if (stored !== undefined && --stored.references === 0) this.delete(keyOf('message', stored.id), 'late');
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
