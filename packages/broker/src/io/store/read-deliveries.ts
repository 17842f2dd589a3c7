import { FORGOTTEN, type Message } from '../../core/message.ts';
import type { RestoredSession } from '../../core/restore.ts';
import type { Delivery } from '../../core/session.ts';
import { BrokerError } from '../broker-error.ts';
import { readLogEntry, type LogReader } from './log-entry.ts';
import { Pack, type PackedDelivery } from './pack.ts';
import {
  decodeDelivery,
  keyOf,
  sequenceKey,
  tryDecodeFate,
  type DeliveryRecord,
  type Fate,
} from './records.ts';
import type { StoreJournal } from './store-journal.ts';

type Sessions = Map<string, RestoredSession>;

interface Named {
  readonly clientId: string;
  readonly sequence: number;
}

interface Pending extends Named {
  readonly record: DeliveryRecord;
}

interface Logged extends Named {
  readonly delivery: Delivery;
}

interface ReadPack {
  readonly key: string;
  readonly clientId: string;
  readonly deliveries: readonly PackedDelivery[];
}

/** What a store says of deliveries. */
export interface DeliveryReading {
  readonly sessions: Sessions;
  readonly messages: Map<number, Message>;
  /** With a record of their own. */
  readonly deliveries: Pending[];
  readonly packs: ReadPack[];
  /** What became of deliveries in packs, by client and sequence, and the key of the record that says so. */
  readonly fates: Map<string, { readonly key: string; readonly fate: Fate }>;
  /** Keys and values of the log, in their order. */
  readonly log: (readonly [string, Buffer])[];
}

export function sessionOf(sessions: Sessions, clientId: string): RestoredSession {
  let session = sessions.get(clientId);
  if (session === undefined) {
    session = {
      clientId,
      holder: undefined,
      expirySeconds: 0,
      disconnectedAtMs: undefined,
      subscriptions: [],
      deliveries: [],
      inboundIds: [],
    };
    sessions.set(clientId, session);
  }
  return session;
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function unreadable(key: string, error: unknown): BrokerError {
  const name = key.replaceAll('\0', ' ');
  return new BrokerError(
    'store-open-failed',
    `the store has a record that cannot be read, ${JSON.stringify(name)}: ${messageOf(error)}; bring back a copy of the directory, or use another one`,
    error,
  );
}

const nameOf = ({ clientId, sequence }: Named): string => `${clientId}\0${sequence}`;

export function readDelivery(reading: DeliveryReading, key: string, named: Named, value: Buffer): void {
  const fate = tryDecodeFate(value);
  if (fate !== undefined) reading.fates.set(nameOf(named), { key, fate });
  else reading.deliveries.push({ ...named, record: decodeDelivery(value) });
}

/** Of a message that will never be sent again only its identifier matters. */
const releasedDelivery = (sequence: number, packetId: number): Delivery => ({
  sequence,
  message: { ...FORGOTTEN },
  qos: 2,
  retain: false,
  subscriptionIds: [],
  share: undefined,
  packetId,
  state: 'released',
});

/** Connects deliveries that have a record with the journal, and their sessions with them. */
class Adoption {
  private readonly used = new Set<number>();
  private readonly reading: DeliveryReading;
  private readonly journal: StoreJournal;

  constructor(reading: DeliveryReading, journal: StoreJournal) {
    this.reading = reading;
    this.journal = journal;
  }

  /** Each with the record that says most of it. Returns the names of all. */
  run(): ReadonlySet<string> {
    const { deliveries, packs, fates } = this.reading;
    for (const pending of deliveries) {
      const delivery = this.deliveryOf(pending);
      this.adopt(pending, delivery);
    }
    const named = new Set(deliveries.map(nameOf));
    for (const pack of packs) {
      this.unpack(pack);
      for (const { sequence } of pack.deliveries) named.add(nameOf({ clientId: pack.clientId, sequence }));
    }
    for (const [name, { key }] of fates)
      if (!named.has(name)) throw unreadable(key, new Error('the pack that it belongs to is missing'));
    this.sweepMessages();
    return named;
  }

  private unpack({ key, clientId, deliveries }: ReadPack): void {
    const pack = new Pack();
    pack.key = key;
    for (const { sequence, record } of deliveries) {
      const named = { clientId, sequence };
      const known = this.reading.fates.get(nameOf(named));
      if (known !== undefined) pack.fates.push(known.key);
      if (known?.fate === 'gone') continue;
      this.adopt({ ...named, record }, this.deliveryOf({ ...named, record }, known?.fate), {
        pack,
        hasFate: known !== undefined,
      });
    }
  }

  private deliveryOf({ clientId, sequence, record }: Pending, fate?: Exclude<Fate, 'gone'>): Delivery {
    const { messageId } = record;
    const message = messageId === undefined ? record.message : this.reading.messages.get(messageId);
    if (message === undefined)
      throw unreadable(keyOf('delivery', clientId), new Error(`message ${messageId} is missing`));
    const delivery = { ...record.delivery, ...fate, sequence, message };
    if (fate?.state === 'released' && messageId === undefined) delivery.message = { ...FORGOTTEN };
    return delivery;
  }

  private adopt(
    { clientId, record }: Pending,
    delivery: Delivery,
    where: { readonly pack?: Pack; readonly hasFate?: boolean } = {},
  ): void {
    const { messageId } = record;
    sessionOf(this.reading.sessions, clientId).deliveries.push(delivery);
    this.journal.adopt(clientId, delivery, { messageId, ...where });
    if (messageId !== undefined) this.used.add(messageId);
  }

  private sweepMessages(): void {
    let last = 0;
    for (const id of this.reading.messages.keys()) {
      last = Math.max(last, id);
      if (!this.used.has(id)) this.journal.discard(keyOf('message', sequenceKey(id)));
    }
    this.journal.resumeMessageIds(last + 1);
  }
}

/** What the log says of deliveries that have no record of their own. */
function readLog(log: DeliveryReading['log'], keyed: ReadonlySet<string>): Map<string, Logged> {
  const logged = new Map<string, Logged>();
  const change = (clientId: string, sequence: number, fields: Pick<Delivery, 'packetId' | 'state'>): void => {
    const known = logged.get(nameOf({ clientId, sequence }));
    if (known !== undefined) Object.assign(known.delivery, fields);
  };
  const reader: LogReader = {
    delivery(clientId, sequence, record, message) {
      const key = nameOf({ clientId, sequence });
      // Its record is newer.
      if (keyed.has(key)) return;
      logged.set(key, { clientId, sequence, delivery: { ...record.delivery, sequence, message } });
    },
    sent: (clientId, sequence, packetId) => change(clientId, sequence, { packetId, state: 'sent' }),
    released(clientId, sequence, packetId) {
      const key = nameOf({ clientId, sequence });
      if (keyed.has(key)) return;
      logged.set(key, { clientId, sequence, delivery: releasedDelivery(sequence, packetId) });
    },
    gone: (clientId, sequence) => void logged.delete(nameOf({ clientId, sequence })),
  };
  for (const [key, value] of log) {
    try {
      readLogEntry(value, reader);
    } catch (error) {
      throw unreadable(key, error);
    }
  }
  return logged;
}

/** Connects the journal with what was read. Every delivery of the log gets a record, and the log begins anew. */
export function adoptDeliveries(reading: DeliveryReading, journal: StoreJournal): void {
  const keyed = new Adoption(reading, journal).run();
  for (const { clientId, delivery } of readLog(reading.log, keyed).values()) {
    sessionOf(reading.sessions, clientId).deliveries.push(delivery);
    journal.adoptLogged(clientId, delivery);
  }
  for (const [key] of reading.log) journal.discard(key);
  for (const { deliveries } of reading.sessions.values()) {
    deliveries.sort((a, b) => a.sequence - b.sequence);
  }
}
