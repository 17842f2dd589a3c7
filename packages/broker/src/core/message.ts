import type { Card } from './registry/card.ts';
import type { MessageProperties, Qos } from './packets.ts';

/** An Application Message inside the broker. */
export interface Message {
  readonly topic: string;
  readonly topicBytes: Buffer;
  readonly payload: Buffer;
  /** Encoded properties to forward. */
  readonly properties: Buffer;
  readonly qos: Qos;
  /** As published. */
  readonly retain: boolean;
  /** Infinity: never. Milliseconds of the broker's clock. */
  readonly expiresAtMs: number;
  /** Client id of the publisher; '' for the broker itself. */
  readonly publisher: string;
  /** Set when this is an Agent Card on a discovery topic: its status is then added on delivery. */
  readonly card?: Card | undefined;
  /** The journal's own note on its record. */
  record?: unknown;
}

export interface MessageFields {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly properties: MessageProperties;
  /** Of the topic, if they are at hand. */
  readonly topicBytes?: Buffer;
}

export function createMessage(fields: MessageFields, publisher: string, now: number, card?: Card): Message {
  const { expirySeconds } = fields.properties;
  return {
    topic: fields.topic,
    topicBytes: fields.topicBytes ?? Buffer.from(fields.topic, 'utf8'),
    payload: fields.payload,
    properties: fields.properties.bytes,
    qos: fields.qos,
    retain: fields.retain,
    expiresAtMs: expirySeconds === undefined ? Infinity : now + expirySeconds * 1000,
    publisher,
    card,
  };
}

/** A copy that holds no view on a network buffer, for a message that outlives its packet. */
export function ownMessage(message: Message): Message {
  const { payload, properties } = message;
  const length = payload.length + properties.length;
  if (length === payload.buffer.byteLength && length > 0) return message;
  const own = Buffer.allocUnsafeSlow(length);
  own.set(payload, 0);
  own.set(properties, payload.length);
  return {
    topic: message.topic,
    topicBytes: message.topicBytes,
    payload: own.subarray(0, payload.length),
    properties: own.subarray(payload.length),
    qos: message.qos,
    retain: message.retain,
    expiresAtMs: message.expiresAtMs,
    publisher: message.publisher,
    card: message.card,
  };
}

const EMPTY = Buffer.alloc(0);

/** In place of a message that was sent and will never be sent again. */
export const FORGOTTEN: Message = {
  topic: '',
  topicBytes: EMPTY,
  payload: EMPTY,
  properties: EMPTY,
  qos: 0,
  retain: false,
  expiresAtMs: Infinity,
  publisher: '',
};

/** A message whose interval is 0 still goes to whoever can take it at once. */
export const isExpired = (message: Message, now: number): boolean => message.expiresAtMs < now;

/** What remains of the Message Expiry Interval, in whole seconds (MQTT 5 §3.3.2.3.3). */
export function remainingExpirySeconds(message: Message, now: number): number | undefined {
  if (message.expiresAtMs === Infinity) return undefined;
  return Math.max(0, Math.ceil((message.expiresAtMs - now) / 1000));
}

/** Rough size in memory, for the limits of queues. */
export const messageBytes = (message: Message): number =>
  message.payload.length + message.properties.length + message.topicBytes.length + 100;
