import type { Message } from '../../core/message.ts';
import type { Qos } from '../../core/packets.ts';
import type { Delivery, Subscription, Will } from '../../core/session.ts';

/** Version of what follows; an unknown one is refused, never overwritten. */
export const STORE_VERSION = 1;

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
  | 'inbound';

const PREFIXES: Readonly<Record<RecordKind, string>> = {
  retained: 'r',
  session: 's',
  will: 'w',
  subscription: 'u',
  message: 'm',
  delivery: 'q',
  inbound: 'i',
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

interface MessageHead {
  readonly t: string;
  readonly q: Qos;
  readonly r: boolean;
  readonly p: string;
  /** Expires at, milliseconds. */
  readonly x?: number;
  /** Length of the properties. */
  readonly l: number;
  readonly will?: { readonly expirySeconds?: number; readonly delaySeconds: number };
}

function encode(message: Message, will?: MessageHead['will']): Buffer {
  const head = json({
    t: message.topic,
    q: message.qos,
    r: message.retain,
    p: message.publisher,
    x: message.expiresAtMs === Infinity ? undefined : message.expiresAtMs,
    l: message.properties.length,
    will,
  } satisfies Record<keyof MessageHead, unknown>);
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(head.length);
  return Buffer.concat([length, head, message.properties, message.payload]);
}

function decode(bytes: Buffer): { head: MessageHead; message: Message } {
  const end = 4 + bytes.readUInt32BE(0);
  const head = parse(bytes.subarray(4, end)) as MessageHead;
  const message: Message = {
    topic: head.t,
    topicBytes: Buffer.from(head.t),
    qos: head.q,
    retain: head.r,
    publisher: head.p,
    expiresAtMs: head.x ?? Infinity,
    properties: bytes.subarray(end, end + head.l),
    payload: bytes.subarray(end + head.l),
  };
  return { head, message };
}

export const encodeMessage = (message: Message): Buffer => encode(message);
export const decodeMessage = (bytes: Buffer): Message => decode(bytes).message;

export const encodeWill = (will: Will): Buffer =>
  encode(will.message, {
    ...(will.expirySeconds === undefined ? {} : { expirySeconds: will.expirySeconds }),
    delaySeconds: will.delaySeconds,
  });

export function decodeWill(bytes: Buffer): Will {
  const { head, message } = decode(bytes);
  return { message, expirySeconds: head.will?.expirySeconds, delaySeconds: head.will?.delaySeconds ?? 0 };
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
  readonly messageId: string | undefined;
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

/** Flags, packet identifier, length of the tail. */
const HEAD_BYTES = 7;
const STATES = ['queued', 'sent', 'released'] as const;

/** Fixed bytes, then a JSON tail for what is rarely there, then the message if it is kept here. */
export function encodeDelivery(delivery: Delivery, messageId: string | undefined): Buffer {
  const { subscriptionIds, share, message } = delivery;
  const ids = subscriptionIds.length === 0 ? undefined : subscriptionIds;
  const plain = ids === undefined && share === undefined && messageId === undefined;
  const tail = plain ? EMPTY : json({ ids, share, messageId });
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head[0] = delivery.qos | (delivery.retain ? 4 : 0) | (STATES.indexOf(delivery.state) << 3);
  head.writeUInt16BE(delivery.packetId, 1);
  head.writeUInt32BE(tail.length, 3);
  return Buffer.concat(messageId === undefined ? [head, tail, encodeMessage(message)] : [head, tail]);
}

export function decodeDelivery(bytes: Buffer): DeliveryRecord {
  const flags = bytes[0] as number;
  const end = HEAD_BYTES + bytes.readUInt32BE(3);
  const tail =
    end === HEAD_BYTES
      ? {}
      : (parse(bytes.subarray(HEAD_BYTES, end)) as { ids?: number[]; share?: string; messageId?: string });
  return {
    delivery: {
      qos: (flags & 3) as Qos,
      retain: (flags & 4) !== 0,
      state: STATES[flags >> 3] ?? 'queued',
      packetId: bytes.readUInt16BE(1),
      subscriptionIds: tail.ids ?? [],
      share: tail.share,
    },
    messageId: tail.messageId,
    message: tail.messageId === undefined ? decodeMessage(bytes.subarray(end)) : undefined,
  };
}

export interface MetaRecord {
  readonly version: number;
  /** Made with the store: whoever sees it again knows that the store was kept. */
  readonly storeId: string;
}

export const encodeMeta = (meta: MetaRecord): Buffer => json(meta);
export const decodeMeta = (bytes: Buffer): MetaRecord => parse(bytes) as MetaRecord;
