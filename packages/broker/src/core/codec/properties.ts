import { protocolError, malformed } from '../reason-codes.ts';
import type { MessageProperties } from '../packets.ts';
import type { PacketReader } from './packet-reader.ts';

/** Property identifiers, MQTT 5 §2.2.2.2. */
export const Property = {
  payloadFormat: 1,
  messageExpiry: 2,
  contentType: 3,
  responseTopic: 8,
  correlationData: 9,
  subscriptionId: 11,
  sessionExpiry: 17,
  assignedClientId: 18,
  serverKeepAlive: 19,
  authenticationMethod: 21,
  authenticationData: 22,
  requestProblemInformation: 23,
  willDelay: 24,
  requestResponseInformation: 25,
  responseInformation: 26,
  serverReference: 28,
  reasonString: 31,
  receiveMaximum: 33,
  topicAliasMaximum: 34,
  topicAlias: 35,
  maximumQos: 36,
  retainAvailable: 37,
  user: 38,
  maximumPacketSize: 39,
} as const;

export const NO_PROPERTIES: MessageProperties = {
  bytes: Buffer.alloc(0),
  expirySeconds: undefined,
  topicAlias: undefined,
  willDelaySeconds: 0,
};

const propertiesEnd = (reader: PacketReader): number => {
  const length = reader.varint('property length');
  const end = reader.position + length;
  if (end > reader.end) throw malformed('property length: longer than the packet');
  return end;
};

/** Identifiers that are defined are below 43, too many for the bits of one integer: the upper ones share the bits from 3 on. */
const bitOf = (id: number): number => 1 << (id < 30 ? id : (id - 25) % 31);

/** Marks a property as seen. Only ids that collide with no other of the same packet are asked for. */
function seenOnce(seen: number, id: number): number {
  const bit = bitOf(id);
  if ((seen & bit) !== 0) throw protocolError(`property ${id}: given twice`);
  return seen | bit;
}

function passResponseTopic(reader: PacketReader): void {
  const start = reader.passText('response topic');
  if (start === reader.position) throw protocolError('response topic: is empty');
  for (let i = start; i < reader.position; i++) {
    const byte = reader.bytes[i];
    if (byte === 0x2b || byte === 0x23) throw protocolError('response topic: contains a wildcard');
  }
}

/**
 * Properties of a PUBLISH or a will. Those that are forwarded unchanged are checked and kept as bytes; the ones that concern
 * this hop (expiry, alias, will delay) are cut out.
 */
export function readMessageProperties(reader: PacketReader, of: 'publish' | 'will'): MessageProperties {
  const end = propertiesEnd(reader);
  if (reader.position === end) return NO_PROPERTIES;
  let seen = 0;
  let expirySeconds: number | undefined;
  let topicAlias: number | undefined;
  let willDelaySeconds = 0;
  const parts: Buffer[] = [];
  let keepFrom = reader.position;
  while (reader.position < end) {
    const at = reader.position;
    const id = reader.byte('property identifier');
    if (id !== Property.user) seen = seenOnce(seen, id);
    let forwarded = true;
    if (id === Property.user) {
      reader.passText('user property name');
      reader.passText('user property value');
    } else if (id === Property.correlationData) reader.binary('correlation data');
    else if (id === Property.responseTopic) passResponseTopic(reader);
    else if (id === Property.contentType) reader.passText('content type');
    else if (id === Property.payloadFormat) {
      if (reader.byte('payload format indicator') > 1)
        throw protocolError('payload format indicator: is neither 0 nor 1');
    } else {
      forwarded = false;
      if (id === Property.messageExpiry) expirySeconds = reader.uint32('message expiry interval');
      else if (id === Property.topicAlias && of === 'publish') topicAlias = reader.uint16('topic alias');
      else if (id === Property.willDelay && of === 'will')
        willDelaySeconds = reader.uint32('will delay interval');
      else if (id === Property.subscriptionId)
        throw protocolError('subscription identifier: not allowed from a client');
      else throw malformed(`property ${id}: not allowed in a ${of}`);
    }
    if (!forwarded) {
      if (at > keepFrom) parts.push(reader.bytes.subarray(keepFrom, at));
      keepFrom = reader.position;
    }
  }
  if (reader.position !== end) throw malformed('property length: does not match its properties');
  if (end > keepFrom) parts.push(reader.bytes.subarray(keepFrom, end));
  const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  return { bytes, expirySeconds, topicAlias, willDelaySeconds };
}

type Kind = 'byte' | 'bool' | 'uint16' | 'uint32' | 'varint' | 'text' | 'binary' | 'user';

const KINDS: Readonly<Record<number, Kind>> = {
  [Property.sessionExpiry]: 'uint32',
  [Property.receiveMaximum]: 'uint16',
  [Property.maximumPacketSize]: 'uint32',
  [Property.topicAliasMaximum]: 'uint16',
  [Property.requestResponseInformation]: 'bool',
  [Property.requestProblemInformation]: 'bool',
  [Property.authenticationMethod]: 'text',
  [Property.authenticationData]: 'binary',
  [Property.reasonString]: 'text',
  [Property.serverReference]: 'text',
  [Property.subscriptionId]: 'varint',
  [Property.user]: 'user',
};

export interface ReadProperties {
  readonly numbers: ReadonlyMap<number, number>;
  readonly texts: ReadonlyMap<number, string>;
  readonly user: readonly (readonly [string, string])[];
  readonly hasAuthenticationData: boolean;
}

/** Properties of the packets other than PUBLISH; `allowed` are the identifiers that the packet may carry. */
export function readProperties(
  reader: PacketReader,
  packet: string,
  allowed: readonly number[],
): ReadProperties {
  const numbers = new Map<number, number>();
  const texts = new Map<number, string>();
  const user: (readonly [string, string])[] = [];
  const end = propertiesEnd(reader);
  let seen = 0;
  let hasAuthenticationData = false;
  while (reader.position < end) {
    const id = reader.byte('property identifier');
    const kind = KINDS[id];
    if (kind === undefined || !allowed.includes(id))
      throw malformed(`property ${id}: not allowed in ${packet}`);
    if (kind !== 'user') seen = seenOnce(seen, id);
    const field = `property ${id} of ${packet}`;
    if (kind === 'user') user.push([reader.text(field), reader.text(field)]);
    else if (kind === 'text') texts.set(id, reader.text(field));
    else if (kind === 'binary') {
      reader.binary(field);
      hasAuthenticationData = true;
    } else numbers.set(id, readNumber(reader, kind, field));
  }
  if (reader.position !== end) throw malformed('property length: does not match its properties');
  return { numbers, texts, user, hasAuthenticationData };
}

function readNumber(reader: PacketReader, kind: Kind, field: string): number {
  if (kind === 'uint16') return reader.uint16(field);
  if (kind === 'uint32') return reader.uint32(field);
  if (kind === 'varint') return reader.varint(field);
  const value = reader.byte(field);
  if (kind === 'bool' && value > 1) throw protocolError(`${field}: is neither 0 nor 1`);
  return value;
}
