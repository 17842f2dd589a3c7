import type { Journal } from '../../core/journal.ts';
import { Stake } from '../../core/stake.ts';
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
  readonly id: number;
  references: number;
}

/** On a message: where it is, or that it is kept with a delivery. */
type MessageNote = Stored | typeof INLINE;
const INLINE = 'inline';

/** On a delivery that is recorded. */
interface DeliveryNote {
  /** Undefined when the message is kept with it. */
  readonly stored: Stored | undefined;
  stake: Stake | undefined;
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
  /** Those of whom a stake is settled. */
  private settled = new Set<CommitWaiter>();
  private writtenEpoch = 0;
  private stake: Stake | undefined;
  private writing: Promise<void> | undefined;
  private store: Store | undefined;
  private nextMessageId = 1;
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

  join(waiter: CommitWaiter, stake?: Stake): void {
    this.waiters.add(waiter);
    if (stake !== undefined) {
      stake.onSettled = () => {
        this.settled.add(waiter);
        this.schedule();
      };
    }
    this.schedule();
  }

  commit(): void {
    if (this.settled.size > 0) {
      const { settled } = this;
      this.settled = new Set();
      for (const waiter of settled) waiter.committed(this.writtenEpoch);
    }
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
    this.writtenEpoch = epoch;
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
    this.writtenEpoch = epoch;
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
    if (weight === 'promised' && this.stake !== undefined) this.stake.promised = true;
    this.batch.put(key, value, weight, isNew);
    this.schedule();
  }

  private delete(key: string, weight: Weight = 'promised'): void {
    this.changes++;
    if (weight === 'promised' && this.stake !== undefined) this.stake.promised = true;
    this.batch.delete(key, weight);
    this.schedule();
  }

  // Journal

  beginStep(): Stake {
    return (this.stake = new Stake());
  }

  endStep(): void {
    this.stake = undefined;
  }

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
    const known = delivery.record as DeliveryNote | undefined;
    // QoS 2 is sent when its identifier is written, so waiting for its receiver would wait for ever.
    const transient = delivery.qos === 1 && delivery.state === 'sent';
    const note: DeliveryNote = known ?? { stored: this.share(delivery.message), stake: undefined };
    if (known === undefined) {
      delivery.record = note;
      if (transient && this.stake !== undefined) {
        note.stake = this.stake;
        note.stake.pending++;
      }
    }
    const value = encodeDelivery(delivery, note.stored?.id);
    this.put(key, value, transient ? 'transient' : 'promised', known === undefined);
  }

  /** A message for one receiver is kept with its delivery, if it is not large; for several, once for all but the first. */
  private share(message: Message): Stored | undefined {
    const known = message.record as MessageNote | undefined;
    if (known !== undefined && known !== INLINE && known.references > 0) {
      known.references++;
      return known;
    }
    if (known === undefined && message.payload.length + message.properties.length <= INLINE_BYTES) {
      message.record = INLINE;
      return undefined;
    }
    const stored = { id: this.nextMessageId++, references: 1 };
    message.record = stored;
    // Its deliveries say what it is worth.
    this.put(keyOf('message', sequenceKey(stored.id)), encodeMessage(message), 'late', true);
    return stored;
  }

  delivered(session: Session, delivery: Delivery, moved = false): void {
    const note = delivery.record as DeliveryNote | undefined;
    if (note === undefined) return;
    delivery.record = undefined;
    const { stored, stake } = note;
    this.delete(keyOf('delivery', session.clientId, sequenceKey(delivery.sequence)), 'late');
    if (stored !== undefined && --stored.references === 0)
      this.delete(keyOf('message', sequenceKey(stored.id)), 'late');
    if (stake === undefined) return;
    // Whoever has it now has a record of its own: in this batch, if the old one was not written.
    if (moved) stake.promised = true;
    stake.spare();
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
  adopt(delivery: Delivery, messageId: number | undefined): void {
    const { message } = delivery;
    if (messageId === undefined) message.record = INLINE;
    else {
      const stored = (message.record as Stored | undefined) ?? { id: messageId, references: 0 };
      stored.references++;
      message.record = stored;
    }
    const note: DeliveryNote = {
      stored: messageId === undefined ? undefined : (message.record as Stored),
      stake: undefined,
    };
    delivery.record = note;
  }

  discard(key: string): void {
    this.delete(key);
  }
}
