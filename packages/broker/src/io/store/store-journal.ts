import type { Journal } from '../../core/journal.ts';
import { Stake } from '../../core/stake.ts';
import type { Message } from '../../core/message.ts';
import type { Delivery, Session, Subscription, Will } from '../../core/session.ts';
import type { Batch, Weight } from './batch.ts';
import { Committer } from './committer.ts';
import { DeliveryLog } from './delivery-log.ts';
import { DeliveryNote, type Stored } from './delivery-note.ts';
import type { Pack } from './pack.ts';
import {
  encodeDelivery,
  encodeFate,
  encodeMessage,
  encodeSession,
  encodeSubscription,
  encodeWill,
  keyOf,
  META_KEY,
  sequenceKey,
  type Fate,
} from './records.ts';

/** Messages up to this size are kept with each of their deliveries, larger ones once for all. */
const INLINE_BYTES = 2_048;

/** Messages from this size on are written once, with a record of their own. */
const UNLOGGED_BYTES = 64 * 1024;
/** A session with so many messages in its queue will not have a new one soon. */
const LONG_QUEUE = 1_000;

/** Where a delivery was found that is adopted. */
interface Adopted {
  readonly messageId: number | undefined;
  readonly pack?: Pack;
  readonly hasFate?: boolean;
}

/** On a message: where it is, or that it is kept with a delivery. */
type MessageNote = Stored | typeof INLINE;
const INLINE = 'inline';

/** Of a delivery's record, besides its message. */
const DELIVERY_BYTES = 64;

const contentBytes = ({ payload, properties }: Message): number => payload.length + properties.length;

/** Whoever is away, or far behind, will have a message for long: then the log is not the place for it. */
const isForLong = (session: Session, { state, message }: Delivery): boolean =>
  contentBytes(message) >= UNLOGGED_BYTES ||
  (state === 'queued' && (session.connection === undefined || session.queue.length > LONG_QUEUE));

/** Records what the core says must survive. */
export class StoreJournal extends Committer implements Journal {
  changes = 0;
  private readonly log: DeliveryLog;
  /** The last message that this batch tells the log of. */
  private logged: Message | undefined;
  private stake: Stake | undefined;
  private nextMessageId = 1;

  constructor(schedule: () => void, onFailure: (error: unknown) => void, maxLogBytes?: number) {
    super(schedule, onFailure);
    this.log = new DeliveryLog(maxLogBytes);
  }

  protected override complete(batch: Batch): void {
    this.log.trim(
      (note) => this.keep(note),
      (key) => batch.delete(key, 'late'),
    );
    for (const { key, value } of batch.packs.records()) batch.put(key, value, 'late');
    const entry = this.log.append(batch.notes);
    if (entry !== undefined) batch.put(entry.key, entry.value, 'late');
    this.logged = undefined;
  }

  private put(key: string, value: Buffer, weight: Weight = 'promised', isNew = false): void {
    this.changed(weight);
    this.batch.put(key, value, weight, isNew);
  }

  private delete(key: string, weight: Weight = 'promised'): void {
    this.changed(weight);
    this.batch.delete(key, weight);
  }

  /** The batch that is collected gets something new. */
  private changed(weight: Weight | 'transient'): void {
    this.changes++;
    if (weight === 'promised' && this.stake !== undefined) this.stake.promised = true;
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
    const known = delivery.record as DeliveryNote | undefined;
    // QoS 2 is sent when its identifier is written, so waiting for its receiver would wait for ever.
    const isSent = delivery.qos === 1 && delivery.state === 'sent';
    const note = known ?? new DeliveryNote(session.clientId, delivery);
    if (known === undefined) {
      delivery.record = note;
      if (isForLong(session, delivery)) return this.keep(note, 'promised');
      if (isSent && this.stake !== undefined) {
        note.stake = this.stake;
        note.stake.pending++;
      }
    }
    // An older record says enough: a new packet identifier may be lost.
    const weight = !isSent ? 'promised' : known === undefined ? 'transient' : 'late';
    if (note.isKeyed) return this.keep(note, weight === 'promised' ? weight : 'late');
    const { message } = delivery;
    const bytes = known !== undefined || this.logged === message ? 0 : message.payload.length;
    this.logged = message;
    this.changed(weight);
    this.batch.note(note, weight, bytes);
  }

  /** Gives a delivery a record, or brings that up to date. */
  private keep(note: DeliveryNote, weight: Weight = 'late'): void {
    const { delivery, pack } = note;
    if (!note.isKeyed) {
      note.isKeyed = true;
      note.stored = delivery.state === 'released' ? undefined : this.share(delivery.message);
      this.changed(weight);
      const content = note.stored === undefined ? contentBytes(delivery.message) : 0;
      this.batch.pack(note, weight, content + DELIVERY_BYTES);
    } else if (pack === undefined) {
      this.put(note.key, encodeDelivery(delivery, note.stored?.id), weight);
    } else if (pack.key === undefined) {
      // It will be written as it is then.
      this.changed(weight);
      if (weight === 'promised') this.batch.isPromised = true;
    } else this.putFate(note, pack, delivery, weight);
  }

  private putFate(note: DeliveryNote, pack: Pack, fate: Fate, weight: Weight): void {
    const key = note.key;
    const isNew = !note.hasFate;
    if (isNew) pack.fates.push(key);
    note.hasFate = true;
    this.put(key, encodeFate(fate), weight, isNew);
  }

  /** Of a delivery that is over. */
  private deleteRecord(note: DeliveryNote): void {
    const { pack, stored } = note;
    if (pack === undefined) this.delete(note.key, 'late');
    else if (pack.key === undefined) {
      this.changed('late');
      this.batch.unpack(note);
    } else if (--pack.live > 0) this.putFate(note, pack, 'gone', 'late');
    else for (const key of [pack.key, ...pack.fates]) this.delete(key, 'late');
    if (stored !== undefined && --stored.references === 0)
      this.delete(keyOf('message', sequenceKey(stored.id)), 'late');
  }

  /** A message for one receiver is kept with its delivery, if it is not large; for several, once for all but the first. */
  private share(message: Message): Stored | undefined {
    const known = message.record as MessageNote | undefined;
    if (known !== undefined && known !== INLINE && known.references > 0) {
      known.references++;
      return known;
    }
    if (known === undefined && contentBytes(message) <= INLINE_BYTES) {
      message.record = INLINE;
      return undefined;
    }
    const stored = { id: this.nextMessageId++, references: 1 };
    message.record = stored;
    // Its deliveries say what it is worth.
    this.put(keyOf('message', sequenceKey(stored.id)), encodeMessage(message), 'late', true);
    return stored;
  }

  delivered(_session: Session, delivery: Delivery, moved = false): void {
    const note = delivery.record as DeliveryNote | undefined;
    if (note === undefined) return;
    delivery.record = undefined;
    const { stake, entry } = note;
    note.isGone = true;
    if (note.isKeyed) this.deleteRecord(note);
    else {
      if (entry !== undefined) entry.live--;
      this.changed('late');
      this.batch.gone(note);
    }
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
  adopt(clientId: string, delivery: Delivery, { messageId, pack, hasFate = false }: Adopted): void {
    const { message } = delivery;
    const note = new DeliveryNote(clientId, delivery);
    note.isKeyed = true;
    note.hasFate = hasFate;
    note.pack = pack;
    if (pack !== undefined) pack.live++;
    delivery.record = note;
    if (messageId === undefined) {
      message.record = INLINE;
      return;
    }
    note.stored = (message.record as Stored | undefined) ?? { id: messageId, references: 0 };
    note.stored.references++;
    message.record = note.stored;
  }

  /** Gives a delivery that was read from the log a record. */
  adoptLogged(clientId: string, delivery: Delivery): void {
    const note = new DeliveryNote(clientId, delivery);
    delivery.record = note;
    this.keep(note);
  }

  discard(key: string): void {
    this.delete(key);
  }
}
