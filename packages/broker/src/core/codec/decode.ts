import type {
  AckPacket,
  ClientPacket,
  DisconnectPacket,
  ProtocolVersion,
  PublishPacket,
  Qos,
  SubscribeEntry,
  SubscribePacket,
  UnsubscribePacket,
} from '../packets.ts';
import { malformed, PacketError, protocolError, Reason } from '../reason-codes.ts';
import { assertTopicName } from '../topics.ts';
import { decodeConnect } from './decode-connect.ts';
import { PacketReader } from './packet-reader.ts';
import { NO_PROPERTIES, Property, readMessageProperties, readProperties } from './properties.ts';

const ACK_PROPERTIES = [Property.reasonString, Property.user];

/** MQTT 5 §3.4.2.1, §3.5.2.1. */
const RECEIVED_CODES = new Set([0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]);
/** MQTT 5 §3.6.2.1, §3.7.2.1. */
const RELEASED_CODES = new Set([0x00, 0x92]);
/** MQTT 5 §3.14.2.1, of whichever side. */
const DISCONNECT_CODES = new Set([
  0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97,
  0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
]);

function reasonCodeOf(reader: PacketReader, packet: string, known: ReadonlySet<number>): number {
  const code = reader.byte('reason code');
  if (!known.has(code)) throw protocolError(`reason code: 0x${code.toString(16)} is not one of ${packet}`);
  return code;
}

function packetId(reader: PacketReader): number {
  const id = reader.uint16('packet identifier');
  if (id === 0) throw protocolError('packet identifier: is 0');
  return id;
}

function decodePublish(flags: number, reader: PacketReader, version: ProtocolVersion): PublishPacket {
  const qos = ((flags >> 1) & 3) as Qos | 3;
  if (qos === 3) throw malformed('PUBLISH: QoS is 3');
  const dup = (flags & 8) !== 0;
  if (dup && qos === 0) throw malformed('PUBLISH: DUP is set with QoS 0');
  const topic = reader.text('topic');
  const id = qos === 0 ? 0 : packetId(reader);
  const properties = version === 5 ? readMessageProperties(reader, 'publish') : NO_PROPERTIES;
  if (topic !== '' || properties.topicAlias === undefined) assertTopicName('topic', topic);
  const payload = reader.bytes.subarray(reader.position, reader.end);
  return { type: 'publish', topic, payload, qos, dup, retain: (flags & 1) !== 0, packetId: id, properties };
}

function decodeAck(type: AckPacket['type'], reader: PacketReader, version: ProtocolVersion): AckPacket {
  const id = packetId(reader);
  if (version === 4) {
    if (reader.left > 0) throw malformed(`${type}: bytes after the packet identifier`);
    return { type, packetId: id, reasonCode: 0 };
  }
  const known = type === 'puback' || type === 'pubrec' ? RECEIVED_CODES : RELEASED_CODES;
  const reasonCode = reader.left > 0 ? reasonCodeOf(reader, type.toUpperCase(), known) : 0;
  if (reader.left > 0) readProperties(reader, type, ACK_PROPERTIES);
  if (reader.left > 0) throw malformed(`${type}: bytes after its last field`);
  return { type, packetId: id, reasonCode };
}

function subscribeEntry(reader: PacketReader, version: ProtocolVersion): SubscribeEntry {
  const filter = reader.text('topic filter');
  const options = reader.byte('subscription options');
  const qos = options & 3;
  if (qos === 3) throw malformed('subscription options: QoS is 3');
  if ((options & (version === 5 ? 0xc0 : 0xfc)) !== 0)
    throw malformed('subscription options: reserved bits are set');
  const retainHandling = (options >> 4) & 3;
  if (retainHandling === 3) throw protocolError('subscription options: retain handling is 3');
  return {
    filter,
    qos: qos as Qos,
    noLocal: (options & 4) !== 0,
    retainAsPublished: (options & 8) !== 0,
    retainHandling: retainHandling as 0 | 1 | 2,
  };
}

function decodeSubscribe(reader: PacketReader, version: ProtocolVersion): SubscribePacket {
  const id = packetId(reader);
  let subscriptionId: number | undefined;
  if (version === 5) {
    subscriptionId = readProperties(reader, 'SUBSCRIBE', [
      Property.subscriptionId,
      Property.user,
    ]).numbers.get(Property.subscriptionId);
    if (subscriptionId === 0) throw protocolError('subscription identifier: is 0');
  }
  const entries: SubscribeEntry[] = [];
  while (reader.left > 0) entries.push(subscribeEntry(reader, version));
  if (entries.length === 0) throw protocolError('SUBSCRIBE: has no topic filter');
  return { type: 'subscribe', packetId: id, subscriptionId, entries };
}

function decodeUnsubscribe(reader: PacketReader, version: ProtocolVersion): UnsubscribePacket {
  const id = packetId(reader);
  if (version === 5) readProperties(reader, 'UNSUBSCRIBE', [Property.user]);
  const filters: string[] = [];
  while (reader.left > 0) filters.push(reader.text('topic filter'));
  if (filters.length === 0) throw protocolError('UNSUBSCRIBE: has no topic filter');
  return { type: 'unsubscribe', packetId: id, filters };
}

function decodeDisconnect(reader: PacketReader, version: ProtocolVersion): DisconnectPacket {
  if (version === 4 || reader.left === 0) {
    if (reader.left > 0) throw malformed('DISCONNECT: has content');
    return { type: 'disconnect', reasonCode: 0, sessionExpirySeconds: undefined };
  }
  const reasonCode = reasonCodeOf(reader, 'DISCONNECT', DISCONNECT_CODES);
  let sessionExpirySeconds: number | undefined;
  if (reader.left > 0) {
    const allowed = [Property.sessionExpiry, Property.reasonString, Property.user];
    sessionExpirySeconds = readProperties(reader, 'DISCONNECT', allowed).numbers.get(Property.sessionExpiry);
  }
  if (reader.left > 0) throw malformed('DISCONNECT: bytes after its last field');
  return { type: 'disconnect', reasonCode, sessionExpirySeconds };
}

const NAMES = [
  'reserved',
  'CONNECT',
  'CONNACK',
  'PUBLISH',
  'PUBACK',
  'PUBREC',
  'PUBREL',
  'PUBCOMP',
  'SUBSCRIBE',
  'SUBACK',
  'UNSUBSCRIBE',
  'UNSUBACK',
  'PINGREQ',
  'PINGRESP',
  'DISCONNECT',
  'AUTH',
];

/**
 * Decodes one whole packet. `version` is undefined before CONNECT, and only CONNECT is then accepted. Throws PacketError with the
 * reason code for the refusal. The result holds views on `bytes`.
 */
export function decodePacket(
  bytes: Buffer,
  start: number,
  bodyStart: number,
  end: number,
  version?: ProtocolVersion,
): ClientPacket {
  const first = bytes[start] as number;
  const type = first >> 4;
  const flags = first & 0x0f;
  const reader = new PacketReader(bytes, bodyStart, end);
  if (version === undefined) {
    if (type !== 1) throw protocolError(`${NAMES[type]}: the first packet must be CONNECT`);
    if (flags !== 0) throw malformed('CONNECT: reserved flags are set');
    return decodeConnect(reader);
  }
  if (type === 3) return decodePublish(flags, reader, version);
  const required = type === 6 || type === 8 || type === 10 ? 2 : 0;
  if (flags !== required) throw malformed(`${NAMES[type]}: reserved flags are wrong`);
  switch (type) {
    case 1:
      throw protocolError('CONNECT: sent twice');
    case 4:
      return decodeAck('puback', reader, version);
    case 5:
      return decodeAck('pubrec', reader, version);
    case 6:
      return decodeAck('pubrel', reader, version);
    case 7:
      return decodeAck('pubcomp', reader, version);
    case 8:
      return decodeSubscribe(reader, version);
    case 10:
      return decodeUnsubscribe(reader, version);
    case 12:
      if (reader.left > 0) throw malformed('PINGREQ: has content');
      return { type: 'pingreq' };
    case 14:
      return decodeDisconnect(reader, version);
    case 15:
      if (version === 5)
        return { type: 'auth', reasonCode: reader.left > 0 ? reader.byte('reason code') : 0 };
      throw malformed('AUTH: not part of MQTT 3.1.1');
    case 0:
      throw malformed('packet type 0 is reserved');
    default:
      throw new PacketError(Reason.protocolError, `${NAMES[type]}: only a server sends it`);
  }
}
