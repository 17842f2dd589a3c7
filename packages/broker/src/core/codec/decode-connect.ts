import type { ConnectPacket, ProtocolVersion, Qos, WillPacket } from '../packets.ts';
import { malformed, PacketError, protocolError, Reason } from '../reason-codes.ts';
import { assertTopicName } from '../topics.ts';
import type { PacketReader } from './packet-reader.ts';
import {
  NO_PROPERTIES,
  Property,
  readMessageProperties,
  readProperties,
  type ReadProperties,
} from './properties.ts';

const CONNECT_PROPERTIES = [
  Property.sessionExpiry,
  Property.receiveMaximum,
  Property.maximumPacketSize,
  Property.topicAliasMaximum,
  Property.requestResponseInformation,
  Property.requestProblemInformation,
  Property.user,
  Property.authenticationMethod,
  Property.authenticationData,
];

function readVersion(reader: PacketReader): ProtocolVersion {
  const name = reader.binary('protocol name').toString('latin1');
  const level = reader.byte('protocol version');
  if (name === 'MQTT' && (level === 4 || level === 5)) return level;
  if (name === 'MQTT' || name === 'MQIsdp') {
    throw new PacketError(
      Reason.unsupportedProtocolVersion,
      `protocol version: ${level} is not supported, use 5 or 4 (3.1.1)`,
    );
  }
  throw new PacketError(Reason.unsupportedProtocolVersion, 'protocol name: is not MQTT');
}

function readWill(reader: PacketReader, version: ProtocolVersion, flags: number): WillPacket {
  const properties = version === 5 ? readMessageProperties(reader, 'will') : NO_PROPERTIES;
  const topic = reader.text('will topic');
  assertTopicName('will topic', topic);
  const payload = reader.binary('will payload');
  return { topic, payload, qos: ((flags >> 3) & 3) as Qos, retain: (flags & 0x20) !== 0, properties };
}

function assertFlags(flags: number, version: ProtocolVersion): void {
  if ((flags & 1) !== 0) throw malformed('connect flags: the reserved bit is set');
  if ((flags & 4) === 0 && (flags & 0x38) !== 0)
    throw malformed('connect flags: will QoS or retain without a will');
  if (((flags >> 3) & 3) === 3) throw malformed('connect flags: will QoS is 3');
  if (version === 4 && (flags & 0x80) === 0 && (flags & 0x40) !== 0) {
    throw malformed('connect flags: password without user name');
  }
}

function nonZero(properties: ReadProperties, id: number, field: string): number | undefined {
  const value = properties.numbers.get(id);
  if (value === 0) throw protocolError(`${field}: is 0`);
  return value;
}

/** Tells whether a CONNECT that failed to decode asked for MQTT 5, so that the refusal can be written in its format. */
export function sniffVersion(bytes: Buffer, start: number): number | undefined {
  const length = start + 2 <= bytes.length ? bytes.readUInt16BE(start) : 0;
  return bytes[start + 2 + length];
}

export function decodeConnect(reader: PacketReader): ConnectPacket {
  const version = readVersion(reader);
  const flags = reader.byte('connect flags');
  assertFlags(flags, version);
  const keepAliveSeconds = reader.uint16('keep alive');
  const properties: ReadProperties =
    version === 5
      ? readProperties(reader, 'CONNECT', CONNECT_PROPERTIES)
      : { numbers: new Map(), texts: new Map(), user: [], hasAuthenticationData: false };
  const clientId = reader.text('client identifier');
  const cleanStart = (flags & 2) !== 0;
  const will = (flags & 4) === 0 ? undefined : readWill(reader, version, flags);
  const username = (flags & 0x80) === 0 ? undefined : reader.text('user name');
  const password = (flags & 0x40) === 0 ? undefined : Buffer.from(reader.binary('password'));
  if (reader.left > 0) throw malformed('CONNECT: bytes after its last field');
  const authenticationMethod = properties.texts.get(Property.authenticationMethod);
  if (authenticationMethod === undefined && properties.hasAuthenticationData)
    throw protocolError('authentication data: without an authentication method');
  return {
    type: 'connect',
    version,
    cleanStart,
    keepAliveSeconds,
    clientId,
    will,
    username,
    password,
    sessionExpirySeconds:
      version === 5 ? (properties.numbers.get(Property.sessionExpiry) ?? 0) : cleanStart ? 0 : 0xffffffff,
    receiveMaximum: nonZero(properties, Property.receiveMaximum, 'receive maximum') ?? 65_535,
    maximumPacketBytes: nonZero(properties, Property.maximumPacketSize, 'maximum packet size') ?? Infinity,
    topicAliasMaximum: properties.numbers.get(Property.topicAliasMaximum) ?? 0,
    requestProblemInformation: properties.numbers.get(Property.requestProblemInformation) !== 0,
    requestResponseInformation: properties.numbers.get(Property.requestResponseInformation) === 1,
    authenticationMethod,
    userProperties: properties.user,
  };
}
