import type { Message } from '../../core/message.ts';
import type { Qos } from '../../core/packets.ts';
import type { CredentialGrants, Delivery, Subscription, Will } from '../../core/session.ts';
import type { ByteWriter } from './byte-writer.ts';

/** Version of what follows; an unknown one is refused, never overwritten. */
export const STORE_VERSION = 4;

/** Versions whose records mean the same; version 2 had no log, version 3 no packs. */
export const READABLE_VERSIONS: readonly number[] = [2, 3, STORE_VERSION];

export const META_KEY = 'meta';

/** Client ids and topics cannot contain U+0000, so it separates the parts of a key. */
const SEPARATOR = '\0';

export type RecordKind =
  | 'retained'
  | 'session'
  | 'will'
  | 'subscription'
  | 'message'
  | 'delivery'
  | 'pack'
  | 'inbound'
  | 'log';

const PREFIXES: Readonly<Record<RecordKind, string>> = {
  retained: 'r',
  session: 's',
  will: 'w',
  subscription: 'u',
  message: 'm',
  delivery: 'q',
  pack: 'p',
  inbound: 'i',
  log: 'l',
};

const KINDS = new Map(Object.entries(PREFIXES).map(([kind, prefix]) => [prefix, kind as RecordKind]));

export const keyOf = (kind: RecordKind, ...parts: readonly string[]): string =>
  [PREFIXES[kind], ...parts].join(SEPARATOR);

export function parseKey(
  key: string,
): { readonly kind: RecordKind; readonly parts: readonly string[] } | undefined {
  const [prefix, ...parts] = key.split(SEPARATOR);
  const kind = KINDS.get(prefix as string);
  return kind === undefined ? undefined : { kind, parts };
}

/** Sequences sort as numbers. */
export const sequenceKey = (sequence: number): string => sequence.toString(36).padStart(11, '0');

export const parseSequence = (text: string): number => Number.parseInt(text, 36);

const EMPTY = Buffer.alloc(0);

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const parse = (bytes: Buffer): unknown => JSON.parse(bytes.toString());

const FLAGS = { retain: 4, expires: 8 } as const;
/** Flags, lengths of topic (2), publisher (2) and properties (4). */
const MESSAGE_HEAD_BYTES = 9;
const EXPIRES_BYTES = 8;

const messageRecordBytes = (message: Message): number =>
  MESSAGE_HEAD_BYTES +
  (message.expiresAtMs === Infinity ? 0 : EXPIRES_BYTES) +
  message.topicBytes.length +
  Buffer.byteLength(message.publisher) +
  message.properties.length +
  message.payload.length;

/** Head, moment of expiry if there is one, topic, publisher, properties, and payload to the end. */
function writeMessage(bytes: Buffer, start: number, message: Message): void {
  const { topicBytes, publisher, properties, payload, expiresAtMs } = message;
  const expires = expiresAtMs !== Infinity;
  bytes[start] = message.qos | (message.retain ? FLAGS.retain : 0) | (expires ? FLAGS.expires : 0);
  bytes.writeUInt16BE(topicBytes.length, start + 1);
  bytes.writeUInt32BE(properties.length, start + 5);
  let at = start + MESSAGE_HEAD_BYTES;
  if (expires) at = bytes.writeDoubleBE(expiresAtMs, at);
  bytes.set(topicBytes, at);
  at += topicBytes.length;
  const publisherBytes = bytes.write(publisher, at);
  bytes.writeUInt16BE(publisherBytes, start + 3);
  at += publisherBytes;
  bytes.set(properties, at);
  bytes.set(payload, at + properties.length);
}

/** Views on `bytes`. */
export function decodeMessage(bytes: Buffer): Message {
  const flags = bytes[0] as number;
  const expires = (flags & FLAGS.expires) !== 0;
  const topicAt = MESSAGE_HEAD_BYTES + (expires ? EXPIRES_BYTES : 0);
  const publisherAt = topicAt + bytes.readUInt16BE(1);
  const propertiesAt = publisherAt + bytes.readUInt16BE(3);
  const payloadAt = propertiesAt + bytes.readUInt32BE(5);
  const topicBytes = bytes.subarray(topicAt, publisherAt);
  return {
    topic: topicBytes.toString(),
    topicBytes,
    qos: (flags & 3) as Qos,
    retain: (flags & FLAGS.retain) !== 0,
    publisher: bytes.toString('utf8', publisherAt, propertiesAt),
    expiresAtMs: expires ? bytes.readDoubleBE(MESSAGE_HEAD_BYTES) : Infinity,
    properties: bytes.subarray(propertiesAt, payloadAt),
    payload: bytes.subarray(payloadAt),
  };
}

export function encodeMessage(message: Message): Buffer {
  const bytes = Buffer.allocUnsafe(messageRecordBytes(message));
  writeMessage(bytes, 0, message);
  return bytes;
}

/** Delay (4), flags (1), and when the message will expire (4). */
const WILL_HEAD_BYTES = 9;
const WILL_FLAGS = { expires: 1, owner: 2, username: 4, grants: 8 } as const;

/** Head, mount, user name and grants (JSON) of the owner as far as there are any, each with its length (2), and the message to the end. */
export function encodeWill({ message, owner, delaySeconds, expirySeconds }: Will): Buffer {
  const { username, grants } = owner ?? {};
  const names = [owner?.mount, username, grants && JSON.stringify(grants)].filter(
    (name) => name !== undefined,
  );
  const namesBytes = names.reduce((sum, name) => sum + 2 + Buffer.byteLength(name), 0);
  const bytes = Buffer.allocUnsafe(WILL_HEAD_BYTES + namesBytes + messageRecordBytes(message));
  bytes.writeUInt32BE(delaySeconds, 0);
  bytes[4] =
    (expirySeconds === undefined ? 0 : WILL_FLAGS.expires) |
    (owner === undefined ? 0 : WILL_FLAGS.owner) |
    (username === undefined ? 0 : WILL_FLAGS.username) |
    (grants === undefined ? 0 : WILL_FLAGS.grants);
  bytes.writeUInt32BE(expirySeconds ?? 0, 5);
  let at = WILL_HEAD_BYTES;
  for (const name of names) {
    const length = bytes.write(name, at + 2);
    at = bytes.writeUInt16BE(length, at) + length;
  }
  writeMessage(bytes, at, message);
  return bytes;
}

export function decodeWill(bytes: Buffer): Will {
  const flags = bytes[4] as number;
  let at = WILL_HEAD_BYTES;
  const name = (): string => {
    const start = at + 2;
    at = start + bytes.readUInt16BE(at);
    return bytes.toString('utf8', start, at);
  };
  const owner =
    (flags & WILL_FLAGS.owner) === 0
      ? undefined
      : {
          mount: name(),
          username: (flags & WILL_FLAGS.username) === 0 ? undefined : name(),
          grants: (flags & WILL_FLAGS.grants) === 0 ? undefined : (JSON.parse(name()) as CredentialGrants),
        };
  return {
    message: decodeMessage(bytes.subarray(at)),
    owner,
    delaySeconds: bytes.readUInt32BE(0),
    expirySeconds: (flags & WILL_FLAGS.expires) === 0 ? undefined : bytes.readUInt32BE(5),
  };
}

export interface SessionRecord {
  readonly expirySeconds: number;
  /** Unset while connected. */
  readonly disconnectedAtMs?: number;
  /** User name of who connected last. */
  readonly holder?: string;
}

export type SubscriptionRecord = Pick<
  Subscription,
  'filter' | 'group' | 'qos' | 'noLocal' | 'retainAsPublished' | 'subscriptionId'
>;

/** Where the message of a delivery is: in its own record when it is small, else in a record that deliveries share. */
export interface DeliveryRecord {
  readonly delivery: Pick<Delivery, 'qos' | 'retain' | 'subscriptionIds' | 'share' | 'packetId' | 'state'>;
  readonly messageId: number | undefined;
  readonly message: Message | undefined;
}

export const encodeSession = (record: SessionRecord): Buffer => json(record);
export const decodeSession = (bytes: Buffer): SessionRecord => parse(bytes) as SessionRecord;

export const encodeSubscription = (s: Subscription): Buffer =>
  json({
    filter: s.filter,
    group: s.group,
    qos: s.qos,
    noLocal: s.noLocal,
    retainAsPublished: s.retainAsPublished,
    subscriptionId: s.subscriptionId,
  });
export const decodeSubscription = (bytes: Buffer): SubscriptionRecord => parse(bytes) as SubscriptionRecord;

/** Flags, packet identifier (2), length of the tail (4). */
const HEAD_BYTES = 7;
const MESSAGE_ID_BYTES = 6;
/** The last one is of fates only. */
const STATES = ['queued', 'sent', 'released', 'gone'] as const;
const STATE_SHIFT = 3;
const DELIVERY_FLAGS = { retain: 4, messageId: 32, fate: 64 } as const;

interface DeliveryParts {
  readonly tail: Buffer;
  /** Unset when it is shared. */
  readonly message: Message | undefined;
  readonly bytes: number;
}

function partsOf(delivery: Delivery, messageId: number | undefined): DeliveryParts {
  const { subscriptionIds, share, state } = delivery;
  const ids = subscriptionIds.length === 0 ? undefined : subscriptionIds;
  const tail = ids === undefined && share === undefined ? EMPTY : json({ ids, share });
  const head = HEAD_BYTES + tail.length;
  if (messageId !== undefined) return { tail, message: undefined, bytes: head + MESSAGE_ID_BYTES };
  const message = state === 'released' ? withoutContent(delivery.message) : delivery.message;
  return { tail, message, bytes: head + messageRecordBytes(message) };
}

function writeDelivery(
  bytes: Buffer,
  start: number,
  delivery: Delivery,
  messageId: number | undefined,
  { tail, message }: DeliveryParts,
): void {
  bytes[start] =
    delivery.qos |
    (delivery.retain ? DELIVERY_FLAGS.retain : 0) |
    (STATES.indexOf(delivery.state) << STATE_SHIFT) |
    (messageId === undefined ? 0 : DELIVERY_FLAGS.messageId);
  bytes.writeUInt16BE(delivery.packetId, start + 1);
  bytes.writeUInt32BE(tail.length, start + 3);
  let at = start + HEAD_BYTES;
  if (messageId !== undefined) at = bytes.writeUIntBE(messageId, at, MESSAGE_ID_BYTES);
  if (tail.length > 0) bytes.set(tail, at);
  if (message !== undefined) writeMessage(bytes, at + tail.length, message);
}

/**
 * Fixed bytes, then the number of its message if that is shared, a JSON tail for what is rarely there, and its message if that is not
 * shared. A message that was released (PUBREL) is never sent again: only its identifier matters, and it is kept without content.
 */
export function encodeDelivery(delivery: Delivery, messageId: number | undefined): Buffer {
  const parts = partsOf(delivery, messageId);
  const bytes = Buffer.allocUnsafe(parts.bytes);
  writeDelivery(bytes, 0, delivery, messageId, parts);
  return bytes;
}

/** The same behind what was written before. */
export function appendDelivery(out: ByteWriter, delivery: Delivery, messageId: number | undefined): void {
  const parts = partsOf(delivery, messageId);
  const at = out.claim(parts.bytes);
  writeDelivery(out.bytes, at, delivery, messageId, parts);
}

/** What became of a delivery of a pack. */
export type Fate = Pick<Delivery, 'packetId' | 'state'> | 'gone';

const FATE_BYTES = 3;

export function encodeFate(fate: Fate): Buffer {
  const { state, packetId } = fate === 'gone' ? { state: fate, packetId: 0 } : fate;
  const bytes = Buffer.allocUnsafe(FATE_BYTES);
  bytes[0] = DELIVERY_FLAGS.fate | (STATES.indexOf(state) << STATE_SHIFT);
  bytes.writeUInt16BE(packetId, 1);
  return bytes;
}

/** Undefined when it is a delivery of its own. */
export function tryDecodeFate(bytes: Buffer): Fate | undefined {
  const flags = bytes[0] as number;
  if ((flags & DELIVERY_FLAGS.fate) === 0) return undefined;
  const state = STATES[(flags >> STATE_SHIFT) & 3] as (typeof STATES)[number];
  return state === 'gone' ? state : { state, packetId: bytes.readUInt16BE(1) };
}

const withoutContent = (message: Message): Message => ({ ...message, payload: EMPTY, properties: EMPTY });

/** Views on `bytes`. */
export function decodeDelivery(bytes: Buffer): DeliveryRecord {
  const flags = bytes[0] as number;
  const shared = (flags & DELIVERY_FLAGS.messageId) !== 0;
  const tailAt = HEAD_BYTES + (shared ? MESSAGE_ID_BYTES : 0);
  const end = tailAt + bytes.readUInt32BE(3);
  const state = STATES[(flags >> STATE_SHIFT) & 3] as (typeof STATES)[number];
  const tail =
    end === tailAt ? {} : (parse(bytes.subarray(tailAt, end)) as { ids?: number[]; share?: string });
  return {
    delivery: {
      qos: (flags & 3) as Qos,
      retain: (flags & DELIVERY_FLAGS.retain) !== 0,
      state: state === 'gone' ? 'queued' : state,
      packetId: bytes.readUInt16BE(1),
      subscriptionIds: tail.ids ?? [],
      share: tail.share,
    },
    messageId: shared ? bytes.readUIntBE(HEAD_BYTES, MESSAGE_ID_BYTES) : undefined,
    message: shared ? undefined : decodeMessage(bytes.subarray(end)),
  };
}

export interface MetaRecord {
  readonly version: number;
  /** Made with the store: whoever sees it again knows that the store was kept. */
  readonly storeId: string;
}

export const encodeMeta = (meta: MetaRecord): Buffer => json(meta);
export const decodeMeta = (bytes: Buffer): MetaRecord => parse(bytes) as MetaRecord;
