import type { PublishOptions, Qos, UserProperties } from '../link.ts';
import { Buffer } from './bytes.ts';
import { LinkError } from './link-error.ts';

/** The client's packets of MQTT 5 §3, each as one buffer: one write instead of one per field. */

export interface EncodedPublish {
  readonly bytes: Buffer;
  /** Where the packet identifier goes; -1 at QoS 0. */
  readonly idOffset: number;
}

const PUBLISH = 0x30;
const MAX_STRING_BYTES = 65_535;
const MAX_REMAINING = 268_435_455;

export function encodePublish(
  topic: string,
  payload: Uint8Array | string,
  qos: Qos,
  options: PublishOptions,
): EncodedPublish {
  const topicBytes = stringBytes('topic', topic);
  const body = typeof payload === 'string' ? payload : asBuffer(payload);
  const bodyBytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  const properties = publishPropertiesBytes(options);
  const remaining = 2 + topicBytes + (qos > 0 ? 2 : 0) + varintBytes(properties) + properties + bodyBytes;
  const bytes = Buffer.allocUnsafe(1 + varintBytes(remaining) + remaining);
  bytes[0] = PUBLISH | (qos << 1) | (options.retain === true ? 1 : 0);
  let at = writeVarint(bytes, 1, remaining);
  at = writeString(bytes, at, topic, topicBytes);
  const idOffset = qos > 0 ? at : -1;
  if (qos > 0) at += 2;
  at = writeVarint(bytes, at, properties);
  at = writePublishProperties(bytes, at, options);
  if (typeof body === 'string') writeUtf8(bytes, at, body, bodyBytes);
  else body.copy(bytes, at);
  return { bytes, idOffset };
}

/** Puts the packet identifier in, and sets the DUP flag of a repeated publish (MQTT 5 §3.3.1.1). */
export function stampPublish(publish: EncodedPublish, id: number, duplicate: boolean): void {
  publish.bytes.writeUInt16BE(id, publish.idOffset);
  if (duplicate) publish.bytes[0] = (publish.bytes[0] ?? 0) | 0x08;
  else publish.bytes[0] = (publish.bytes[0] ?? 0) & ~0x08;
}

export function encodePuback(id: number): Buffer {
  return Buffer.from([0x40, 2, id >> 8, id & 0xff]);
}

export function encodePubrec(id: number): Buffer {
  return Buffer.from([0x50, 2, id >> 8, id & 0xff]);
}

export function encodePubrel(id: number): Buffer {
  return Buffer.from([0x62, 2, id >> 8, id & 0xff]);
}

export function encodeDisconnect(reasonCode: number): Buffer {
  return reasonCode === 0 ? Buffer.from([0xe0, 0]) : Buffer.from([0xe0, 1, reasonCode]);
}

export interface SubscribeFields {
  readonly filter: string;
  readonly qos: Qos;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
  /** Left out where the broker has no subscription identifiers. */
  readonly subscriptionId: number | undefined;
}

export function encodeSubscribe(id: number, fields: SubscribeFields): Buffer {
  const filterBytes = stringBytes('filter', fields.filter);
  const { subscriptionId } = fields;
  const properties = subscriptionId === undefined ? 0 : 1 + varintBytes(subscriptionId);
  const remaining = 2 + varintBytes(properties) + properties + 2 + filterBytes + 1;
  const bytes = Buffer.allocUnsafe(1 + varintBytes(remaining) + remaining);
  bytes[0] = 0x82;
  let at = bytes.writeUInt16BE(id, writeVarint(bytes, 1, remaining));
  at = writeVarint(bytes, at, properties);
  if (subscriptionId !== undefined) at = writeVarint(bytes, bytes.writeUInt8(0x0b, at), subscriptionId);
  at = writeString(bytes, at, fields.filter, filterBytes);
  bytes[at] =
    fields.qos | (fields.noLocal ? 4 : 0) | (fields.retainAsPublished ? 8 : 0) | (fields.retainHandling << 4);
  return bytes;
}

export function encodeUnsubscribe(id: number, filter: string): Buffer {
  const filterBytes = stringBytes('filter', filter);
  const remaining = 2 + 1 + 2 + filterBytes;
  const bytes = Buffer.allocUnsafe(1 + varintBytes(remaining) + remaining);
  bytes[0] = 0xa2;
  const at = bytes.writeUInt16BE(id, writeVarint(bytes, 1, remaining));
  writeString(bytes, writeVarint(bytes, at, 0), filter, filterBytes);
  return bytes;
}

export function asBuffer(data: Uint8Array): Buffer {
  return Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

function publishPropertiesBytes(options: PublishOptions): number {
  let bytes = 0;
  if (options.payloadIsUtf8 !== undefined) bytes += 2;
  if (options.messageExpirySeconds !== undefined) {
    assertUint32('messageExpirySeconds', options.messageExpirySeconds);
    bytes += 5;
  }
  if (options.contentType !== undefined) bytes += 3 + stringBytes('contentType', options.contentType);
  if (options.responseTopic !== undefined) bytes += 3 + stringBytes('responseTopic', options.responseTopic);
  if (options.correlationData !== undefined) {
    if (options.correlationData.length > MAX_STRING_BYTES) throw tooLong('correlationData');
    bytes += 3 + options.correlationData.length;
  }
  if (options.userProperties !== undefined) bytes += userPropertiesBytes(options.userProperties);
  return bytes;
}

function userPropertiesBytes(properties: UserProperties): number {
  let bytes = 0;
  for (const name of Object.keys(properties)) {
    const value = properties[name];
    if (value === undefined) continue;
    const nameBytes = stringBytes('userProperties', name);
    for (const one of valuesOf(value)) {
      bytes += 5 + nameBytes + stringBytes(`userProperties.${name}`, one);
    }
  }
  return bytes;
}

function valuesOf(value: string | readonly string[]): readonly string[] {
  return Array.isArray(value) ? (value as readonly string[]) : [value as string];
}

function writePublishProperties(bytes: Buffer, start: number, options: PublishOptions): number {
  let at = start;
  if (options.payloadIsUtf8 !== undefined) {
    bytes[at] = 0x01;
    bytes[at + 1] = options.payloadIsUtf8 ? 1 : 0;
    at += 2;
  }
  if (options.messageExpirySeconds !== undefined) {
    bytes[at] = 0x02;
    at = bytes.writeUInt32BE(options.messageExpirySeconds, at + 1);
  }
  if (options.contentType !== undefined) at = writeText(bytes, at, 0x03, options.contentType);
  if (options.responseTopic !== undefined) at = writeText(bytes, at, 0x08, options.responseTopic);
  if (options.correlationData !== undefined) {
    bytes[at] = 0x09;
    at = bytes.writeUInt16BE(options.correlationData.length, at + 1);
    bytes.set(options.correlationData, at);
    at += options.correlationData.length;
  }
  if (options.userProperties !== undefined) at = writeUserProperties(bytes, at, options.userProperties);
  return at;
}

function writeUserProperties(bytes: Buffer, start: number, properties: UserProperties): number {
  let at = start;
  for (const name of Object.keys(properties)) {
    const value = properties[name];
    if (value === undefined) continue;
    for (const one of valuesOf(value)) {
      at = writeText(bytes, at, 0x26, name);
      at = writeString(bytes, at, one, Buffer.byteLength(one));
    }
  }
  return at;
}

function writeText(bytes: Buffer, at: number, property: number, text: string): number {
  bytes[at] = property;
  return writeString(bytes, at + 1, text, Buffer.byteLength(text));
}

function writeString(bytes: Buffer, at: number, text: string, length: number): number {
  bytes[at] = length >> 8;
  bytes[at + 1] = length & 0xff;
  writeUtf8(bytes, at + 2, text, length);
  return at + 2 + length;
}

function writeUtf8(bytes: Buffer, at: number, text: string, length: number): void {
  if (length !== text.length) bytes.write(text, at, length, 'utf8');
  else if (length > 24) bytes.write(text, at, length, 'latin1');
  else for (let i = 0; i < length; i += 1) bytes[at + i] = text.charCodeAt(i);
}

function stringBytes(field: string, text: string): number {
  if (typeof text !== 'string') throw new LinkError('invalid-property', `${field} must be a string`);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_STRING_BYTES) throw tooLong(field);
  return bytes;
}

function tooLong(field: string): LinkError {
  return new LinkError('invalid-property', `${field} is longer than ${MAX_STRING_BYTES} bytes`);
}

function assertUint32(field: string, value: number): void {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw new LinkError('invalid-property', `${field} must be an integer from 0 to 4294967295`);
  }
}

function varintBytes(value: number): number {
  if (value < 128) return 1;
  if (value < 16_384) return 2;
  if (value < 2_097_152) return 3;
  if (value > MAX_REMAINING)
    throw new LinkError('packet-too-large', `packet is larger than ${MAX_REMAINING} bytes`);
  return 4;
}

function writeVarint(bytes: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest > 127) {
    bytes[at] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
    at += 1;
  }
  bytes[at] = rest;
  return at + 1;
}
