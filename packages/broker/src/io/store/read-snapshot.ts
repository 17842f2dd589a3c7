import { randomUUID } from 'node:crypto';

import type { Message } from '../../core/message.ts';
import type { Snapshot } from '../../core/restore.ts';
import { BrokerError } from '../broker-error.ts';
import { decodePack } from './pack.ts';
import {
  adoptDeliveries,
  messageOf,
  readDelivery,
  sessionOf,
  unreadable,
  type DeliveryReading,
} from './read-deliveries.ts';
import {
  decodeMessage,
  decodeMeta,
  decodeSession,
  decodeSubscription,
  decodeWill,
  encodeMeta,
  META_KEY,
  parseKey,
  parseSequence,
  READABLE_VERSIONS,
  STORE_VERSION,
  type MetaRecord,
} from './records.ts';
import type { StoreJournal } from './store-journal.ts';
import type { Store } from './store.ts';

interface Reading extends DeliveryReading {
  meta: MetaRecord | undefined;
  entries: number;
  readonly retained: Message[];
  readonly wills: Snapshot['wills'];
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
      readDelivery(reading, key, { clientId: first, sequence: parseSequence(second) }, value);
      return;
    case 'pack':
      reading.packs.push({ key, clientId: first, deliveries: decodePack(value) });
      return;
    case 'inbound':
      sessionOf(reading.sessions, first).inboundIds.push(Number(second));
      return;
    case 'log':
      reading.log.push([key, value]);
  }
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
    packs: [],
    fates: new Map(),
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
  const storeId = reading.meta?.storeId ?? randomUUID();
  if (reading.meta?.version !== STORE_VERSION) journal.meta(encodeMeta({ version: STORE_VERSION, storeId }));
  return {
    snapshot: { retained: reading.retained, sessions: [...reading.sessions.values()], wills: reading.wills },
    storeId,
  };
}
