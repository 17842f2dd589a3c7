import { randomUUID } from 'node:crypto';

import { FORGOTTEN, type Message } from '../../core/message.ts';
import type { RestoredSession, Snapshot } from '../../core/restore.ts';
import type { Delivery } from '../../core/session.ts';
import { BrokerError } from '../broker-error.ts';
import { readLogEntry, type LogReader } from './log-entry.ts';
import {
  decodeDelivery,
  decodeMessage,
  decodeMeta,
  decodeSession,
  decodeSubscription,
  decodeWill,
  encodeMeta,
  keyOf,
  META_KEY,
  parseKey,
  parseSequence,
  READABLE_VERSIONS,
  sequenceKey,
  STORE_VERSION,
  type DeliveryRecord,
  type MetaRecord,
} from './records.ts';
import type { StoreJournal } from './store-journal.ts';
import type { Store } from './store.ts';

type Sessions = Map<string, RestoredSession>;

interface Pending {
  readonly clientId: string;
  readonly sequence: number;
  readonly record: DeliveryRecord;
}

interface Logged {
  readonly clientId: string;
  readonly sequence: number;
  readonly delivery: Delivery;
}

interface Reading {
  meta: MetaRecord | undefined;
  entries: number;
  readonly retained: Message[];
  readonly sessions: Sessions;
  readonly wills: Snapshot['wills'];
  readonly messages: Map<number, Message>;
  readonly deliveries: Pending[];
  /** Keys and values of the log, in their order. */
  readonly log: (readonly [string, Buffer])[];
}

function sessionOf(sessions: Sessions, clientId: string): RestoredSession {
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

function readEntry(reading: Reading, key: string, value: Buffer): void {
  const parsed = parseKey(key);
  if (parsed === undefined) throw new Error('it is of no known kind');
  const [first = '', second = ''] = parsed.parts;
  switch (parsed.kind) {
    case 'retained':
      reading.retained.push(decodeMessage(value));
      return;
    case 'session':
      Object.assign(sessionOf(reading.sessions, first), decodeSession(value));
      return;
    case 'will':
      reading.wills.set(first, decodeWill(value));
      return;
    case 'subscription':
      sessionOf(reading.sessions, first).subscriptions.push({ key: second, ...decodeSubscription(value) });
      return;
    case 'message':
      reading.messages.set(parseSequence(first), decodeMessage(value));
      return;
    case 'delivery':
      reading.deliveries.push({
        clientId: first,
        sequence: parseSequence(second),
        record: decodeDelivery(value),
      });
      return;
    case 'inbound':
      sessionOf(reading.sessions, first).inboundIds.push(Number(second));
      return;
    case 'log':
      reading.log.push([key, value]);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function unreadable(key: string, error: unknown): BrokerError {
  const name = key.replaceAll('\0', ' ');
  return new BrokerError(
    'store-open-failed',
    `the store has a record that cannot be read, ${JSON.stringify(name)}: ${messageOf(error)}; bring back a copy of the directory, or use another one`,
    error,
  );
}

function assertVersion(reading: Reading): void {
  if (reading.entries === 0) return;
  if (reading.meta !== undefined && READABLE_VERSIONS.includes(reading.meta.version)) return;
  const found = reading.meta === undefined ? 'no version' : `version ${reading.meta.version}`;
  throw new BrokerError(
    'store-version-unknown',
    `the store has ${found}, this broker reads version ${READABLE_VERSIONS.join(' and ')}: use the broker that wrote it, or another directory`,
  );
}

function adoptDeliveries(reading: Reading, journal: StoreJournal): void {
  let lastMessageId = 0;
  const used = new Set<number>();
  for (const { clientId, sequence, record } of reading.deliveries) {
    const { messageId } = record;
    const message = messageId === undefined ? record.message : reading.messages.get(messageId);
    if (message === undefined)
      throw unreadable(keyOf('delivery', clientId), new Error(`message ${messageId} is missing`));
    const delivery: Delivery = { ...record.delivery, sequence, message };
    sessionOf(reading.sessions, clientId).deliveries.push(delivery);
    journal.adopt(clientId, delivery, messageId);
    if (messageId !== undefined) used.add(messageId);
  }
  for (const id of reading.messages.keys()) {
    lastMessageId = Math.max(lastMessageId, id);
    if (!used.has(id)) journal.discard(keyOf('message', sequenceKey(id)));
  }
  journal.resumeMessageIds(lastMessageId + 1);
}

/** What the log says of deliveries that have no record of their own. */
function readLog(reading: Reading): Map<string, Logged> {
  const logged = new Map<string, Logged>();
  const keyed = new Set(reading.deliveries.map(({ clientId, sequence }) => deliveryKey(clientId, sequence)));
  const change = (clientId: string, sequence: number, fields: Pick<Delivery, 'packetId' | 'state'>): void => {
    const known = logged.get(deliveryKey(clientId, sequence));
    if (known !== undefined) Object.assign(known.delivery, fields);
  };
  const reader: LogReader = {
    delivery(clientId, sequence, record, message) {
      const key = deliveryKey(clientId, sequence);
      // Its own record is newer.
      if (keyed.has(key)) return;
      logged.set(key, { clientId, sequence, delivery: { ...record.delivery, sequence, message } });
    },
    sent: (clientId, sequence, packetId) => change(clientId, sequence, { packetId, state: 'sent' }),
    released(clientId, sequence, packetId) {
      const key = deliveryKey(clientId, sequence);
      if (keyed.has(key)) return;
      logged.set(key, { clientId, sequence, delivery: releasedDelivery(sequence, packetId) });
    },
    gone: (clientId, sequence) => void logged.delete(deliveryKey(clientId, sequence)),
  };
  for (const [key, value] of reading.log) {
    try {
      readLogEntry(value, reader);
    } catch (error) {
      throw unreadable(key, error);
    }
  }
  return logged;
}

const deliveryKey = (clientId: string, sequence: number): string => `${clientId}\0${sequence}`;

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

/** Every delivery of the log gets a record of its own, and the log begins anew. */
function adoptLog(reading: Reading, journal: StoreJournal): void {
  for (const { clientId, delivery } of readLog(reading).values()) {
    sessionOf(reading.sessions, clientId).deliveries.push(delivery);
    journal.adoptLogged(clientId, delivery);
  }
  for (const [key] of reading.log) journal.discard(key);
  for (const { deliveries } of reading.sessions.values()) {
    deliveries.sort((a, b) => a.sequence - b.sequence);
  }
}

/** What is not readable has no version that is known. */
function tryDecodeMeta(bytes: Buffer): MetaRecord | undefined {
  try {
    return decodeMeta(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Reads a store whole and connects the journal with it; writes nothing. Rejects with BrokerError `store-version-unknown`, and with
 * `store-open-failed` for a record that cannot be read: to go on without it would lose it silently.
 */
export async function readSnapshot(
  store: Store,
  journal: StoreJournal,
): Promise<{ snapshot: Snapshot; storeId: string }> {
  const reading: Reading = {
    meta: undefined,
    entries: 0,
    retained: [],
    sessions: new Map(),
    wills: new Map(),
    messages: new Map(),
    deliveries: [],
    log: [],
  };
  const meta: Buffer[] = [];
  const entries: (readonly [string, Buffer])[] = [];
  try {
    for await (const entry of store.entries()) {
      if (entry[0] === META_KEY) meta.push(entry[1]);
      else entries.push(entry);
    }
  } catch (error) {
    throw new BrokerError('store-open-failed', `the store cannot be read: ${messageOf(error)}`, error);
  }
  reading.entries = entries.length + meta.length;
  reading.meta = meta[0] === undefined ? undefined : tryDecodeMeta(meta[0]);
  assertVersion(reading);
  for (const [key, value] of entries) {
    try {
      readEntry(reading, key, value);
    } catch (error) {
      throw unreadable(key, error);
    }
  }
  adoptDeliveries(reading, journal);
  adoptLog(reading, journal);
  const storeId = reading.meta?.storeId ?? randomUUID();
  if (reading.meta?.version !== STORE_VERSION) journal.meta(encodeMeta({ version: STORE_VERSION, storeId }));
  return {
    snapshot: { retained: reading.retained, sessions: [...reading.sessions.values()], wills: reading.wills },
    storeId,
  };
}
