import type { ProtocolVersion, Qos } from '../packets.ts';
import { returnCodeV4 } from '../reason-codes.ts';
import { Property } from './properties.ts';

export const PINGRESP = Buffer.from([0xd0, 0]);

export function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4;
}

function writeVarint(bytes: Buffer, position: number, value: number): number {
  let rest = value;
  while (rest >= 0x80) {
    bytes[position++] = (rest & 0x7f) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[position++] = rest;
  return position;
}

export function varint(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(varintBytes(value));
  writeVarint(bytes, 0, value);
  return bytes;
}

function uint16Property(id: number, value: number): Buffer {
  return Buffer.from([id, value >> 8, value & 0xff]);
}

function uint32Property(id: number, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(5);
  bytes[0] = id;
  bytes.writeUInt32BE(value, 1);
  return bytes;
}

function textProperty(id: number, text: string): Buffer {
  const content = Buffer.from(text, 'utf8').subarray(0, 65_535);
  return Buffer.concat([uint16Property(id, content.length), content]);
}

/** One user property as it stands in a packet. */
export function userProperty(name: string, value: string): Buffer {
  const content = Buffer.from(value, 'utf8');
  const length = Buffer.from([content.length >> 8, content.length & 0xff]);
  return Buffer.concat([textProperty(Property.user, name), length, content]);
}

function packet(first: number, parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([first]), varint(length), ...parts]);
}

function withLength(properties: readonly Buffer[]): Buffer {
  const length = properties.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([varint(length), ...properties]);
}

export interface ConnackFields {
  readonly reasonCode: number;
  readonly sessionPresent?: boolean;
  readonly reasonString?: string | undefined;
  readonly sessionExpirySeconds?: number | undefined;
  readonly receiveMaximum?: number | undefined;
  readonly maximumPacketBytes?: number | undefined;
  readonly topicAliasMaximum?: number | undefined;
  readonly assignedClientId?: string | undefined;
  readonly serverKeepAliveSeconds?: number | undefined;
  readonly responseInformation?: string | undefined;
}

export function encodeConnack(version: ProtocolVersion, fields: ConnackFields): Buffer {
  const present = fields.sessionPresent === true && fields.reasonCode === 0 ? 1 : 0;
  if (version === 4) return Buffer.from([0x20, 2, present, returnCodeV4(fields.reasonCode)]);
  const properties: Buffer[] = [];
  const {
    sessionExpirySeconds,
    receiveMaximum,
    maximumPacketBytes,
    topicAliasMaximum,
    serverKeepAliveSeconds,
  } = fields;
  if (sessionExpirySeconds !== undefined)
    properties.push(uint32Property(Property.sessionExpiry, sessionExpirySeconds));
  if (receiveMaximum !== undefined) properties.push(uint16Property(Property.receiveMaximum, receiveMaximum));
  if (maximumPacketBytes !== undefined)
    properties.push(uint32Property(Property.maximumPacketSize, maximumPacketBytes));
  if (fields.assignedClientId !== undefined)
    properties.push(textProperty(Property.assignedClientId, fields.assignedClientId));
  if (topicAliasMaximum !== undefined)
    properties.push(uint16Property(Property.topicAliasMaximum, topicAliasMaximum));
  if (fields.reasonString !== undefined)
    properties.push(textProperty(Property.reasonString, fields.reasonString));
  if (serverKeepAliveSeconds !== undefined)
    properties.push(uint16Property(Property.serverKeepAlive, serverKeepAliveSeconds));
  if (fields.responseInformation !== undefined) {
    properties.push(textProperty(Property.responseInformation, fields.responseInformation));
  }
  return packet(0x20, [Buffer.from([present, fields.reasonCode]), withLength(properties)]);
}

/** Several times as fast as making it from an array. */
function plainAck(first: number, high: number, low: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes[0] = first;
  bytes[1] = 2;
  bytes[2] = high;
  bytes[3] = low;
  return bytes;
}

const ACK_TYPES = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const;

export function encodeAck(
  type: keyof typeof ACK_TYPES,
  version: ProtocolVersion,
  packetId: number,
  reasonCode = 0,
  reasonString?: string,
): Buffer {
  const high = packetId >> 8;
  const low = packetId & 0xff;
  if (version === 4 || (reasonCode === 0 && reasonString === undefined))
    return plainAck(ACK_TYPES[type], high, low);
  if (reasonString === undefined) return Buffer.from([ACK_TYPES[type], 4, high, low, reasonCode, 0]);
  const reason = withLength([textProperty(Property.reasonString, reasonString)]);
  return packet(ACK_TYPES[type], [Buffer.from([high, low, reasonCode]), reason]);
}

/** Packet identifier and, for MQTT 5, properties of SUBACK and UNSUBACK. */
function subackHead(version: ProtocolVersion, packetId: number, reasonString: string | undefined): Buffer[] {
  const id = Buffer.from([packetId >> 8, packetId & 0xff]);
  if (version === 4) return [id];
  return [
    id,
    withLength(reasonString === undefined ? [] : [textProperty(Property.reasonString, reasonString)]),
  ];
}

export function encodeSuback(
  version: ProtocolVersion,
  packetId: number,
  codes: readonly number[],
  reasonString?: string,
): Buffer {
  const granted = version === 5 ? codes : codes.map((code) => (code > 2 ? 0x80 : code));
  return packet(0x90, [...subackHead(version, packetId, reasonString), Buffer.from(granted)]);
}

export function encodeUnsuback(
  version: ProtocolVersion,
  packetId: number,
  codes: readonly number[],
  reasonString?: string,
): Buffer {
  if (version === 4) return Buffer.from([0xb0, 2, packetId >> 8, packetId & 0xff]);
  return packet(0xb0, [...subackHead(version, packetId, reasonString), Buffer.from(codes)]);
}

/** MQTT 5 only: a 3.1.1 server closes without a word. */
export function encodeDisconnect(reasonCode: number, reasonString?: string): Buffer {
  const properties = reasonString === undefined ? [] : [textProperty(Property.reasonString, reasonString)];
  return packet(0xe0, [Buffer.from([reasonCode]), withLength(properties)]);
}

export interface PublishFields {
  readonly topic: Buffer;
  readonly payload: Buffer;
  readonly qos: Qos;
  readonly dup: boolean;
  readonly retain: boolean;
  readonly packetId: number;
  /** Encoded properties to forward; left out for MQTT 3.1.1. */
  readonly properties: Buffer;
  readonly expirySeconds: number | undefined;
  readonly topicAlias?: number | undefined;
  readonly subscriptionIds: readonly number[];
}

/** Offset of the packet identifier in a PUBLISH with QoS 1 or 2. */
export function packetIdOffset(bytes: Buffer): number {
  let at = 1;
  while (((bytes[at] as number) & 0x80) !== 0) at++;
  return at + 1 + 2 + bytes.readUInt16BE(at + 1);
}

export function encodePublish(version: ProtocolVersion, fields: PublishFields): Buffer {
  const { topic, payload, qos, properties, expirySeconds, subscriptionIds, topicAlias } = fields;
  let propertyBytes = 0;
  if (version === 5) {
    propertyBytes =
      properties.length + (expirySeconds === undefined ? 0 : 5) + (topicAlias === undefined ? 0 : 3);
    for (const id of subscriptionIds) propertyBytes += 1 + varintBytes(id);
  }
  const body =
    2 +
    topic.length +
    (qos > 0 ? 2 : 0) +
    (version === 5 ? varintBytes(propertyBytes) + propertyBytes : 0) +
    payload.length;
  const bytes = Buffer.allocUnsafe(1 + varintBytes(body) + body);
  bytes[0] = 0x30 | (fields.dup ? 8 : 0) | (qos << 1) | (fields.retain ? 1 : 0);
  let at = writeVarint(bytes, 1, body);
  bytes[at++] = topic.length >> 8;
  bytes[at++] = topic.length & 0xff;
  bytes.set(topic, at);
  at += topic.length;
  if (qos > 0) {
    bytes[at++] = fields.packetId >> 8;
    bytes[at++] = fields.packetId & 0xff;
  }
  if (version === 5) {
    at = writeVarint(bytes, at, propertyBytes);
    if (expirySeconds !== undefined) {
      bytes[at++] = Property.messageExpiry;
      at = bytes.writeUInt32BE(expirySeconds, at);
    }
    if (topicAlias !== undefined) {
      bytes[at++] = Property.topicAlias;
      at = bytes.writeUInt16BE(topicAlias, at);
    }
    for (const id of subscriptionIds) {
      bytes[at++] = Property.subscriptionId;
      at = writeVarint(bytes, at, id);
    }
    bytes.set(properties, at);
    at += properties.length;
  }
  bytes.set(payload, at);
  return bytes;
}
