import * as fc from 'fast-check';
import { generate, parser, type IPublishPacket, type Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';

import { decodePacket } from '../src/core/codec/decode.ts';
import { encodePublish, userProperty } from '../src/core/codec/encode.ts';
import { FrameSplitter } from '../src/core/codec/frame-splitter.ts';
import type { ClientPacket, ConnectPacket, PublishPacket, Qos } from '../src/core/packets.ts';
import { PacketError } from '../src/core/reason-codes.ts';
import { userPropertiesOf } from '../src/core/registry/card.ts';
import { decodeAll } from './engine-harness.ts';

const MQTT5 = { protocolVersion: 5 };

const text = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((value) => !value.includes('\0'));
const topic = text.filter((value) => value !== '' && !/[+#]/.test(value) && value.split('/').length < 100);
const bytes = fc.uint8Array({ maxLength: 200 }).map((value) => Buffer.from(value));

const publish = fc.record({
  topic,
  payload: bytes,
  qos: fc.constantFrom(0, 1, 2),
  retain: fc.boolean(),
  messageId: fc.integer({ min: 1, max: 65_535 }),
  properties: fc.record(
    {
      payloadFormatIndicator: fc.boolean(),
      messageExpiryInterval: fc.integer({ min: 0, max: 0xffffffff }),
      topicAlias: fc.integer({ min: 1, max: 65_535 }),
      responseTopic: topic,
      correlationData: bytes,
      contentType: text,
      userProperties: fc.dictionary(
        text.filter((value) => value !== '__proto__'),
        text,
        { minKeys: 1, maxKeys: 4 },
      ),
    },
    { requiredKeys: [] },
  ),
});

const generatePublish = (fields: object): Buffer =>
  generate({ cmd: 'publish', dup: false, ...fields } as Packet, MQTT5);

describe('PUBLISH', () => {
  it('is read as mqtt-packet wrote it', () => {
    fc.assert(
      fc.property(publish, (fields) => {
        const [packet] = decodeAll(generatePublish(fields), 5) as [PublishPacket];
        expect(packet.topic).toBe(fields.topic);
        expect(packet.payload.equals(fields.payload)).toBe(true);
        expect(packet.qos).toBe(fields.qos);
        expect(packet.retain).toBe(fields.retain);
        expect(packet.packetId).toBe(fields.qos === 0 ? 0 : fields.messageId);
        expect(packet.properties.expirySeconds).toBe(fields.properties.messageExpiryInterval);
        expect(packet.properties.topicAlias).toBe(fields.properties.topicAlias);
        const pairs = userPropertiesOf(packet.properties.bytes).map(({ name, value }) => [name, value]);
        expect(new Map(pairs as [string, string][])).toEqual(
          new Map(Object.entries(fields.properties.userProperties ?? {})),
        );
      }),
    );
  });

  it('is read by mqtt-packet as it was forwarded', () => {
    fc.assert(
      fc.property(
        publish,
        fc.array(fc.integer({ min: 1, max: 268_435_455 }), { maxLength: 3 }),
        (fields, subscriptionIds) => {
          const [packet] = decodeAll(generatePublish(fields), 5) as [PublishPacket];
          const encoded = encodePublish(5, {
            topic: Buffer.from(packet.topic),
            payload: packet.payload,
            qos: packet.qos,
            dup: false,
            retain: packet.retain,
            packetId: packet.packetId,
            properties: packet.properties.bytes,
            expirySeconds: 7,
            subscriptionIds,
          });
          const read = readOne(encoded) as IPublishPacket;
          expect(read.topic).toBe(fields.topic);
          expect(Buffer.from(read.payload).equals(fields.payload)).toBe(true);
          const { properties } = fields;
          expect(read.properties?.messageExpiryInterval).toBe(7);
          expect(read.properties?.contentType).toBe(properties.contentType);
          expect(read.properties?.responseTopic).toBe(properties.responseTopic);
          expect(read.properties?.correlationData).toEqual(properties.correlationData);
          expect(read.properties?.payloadFormatIndicator).toBe(properties.payloadFormatIndicator);
        },
      ),
    );
  });

  it('keeps user properties in the order of the publisher, also those that share a name', () => {
    const pairs = [
      ['b', '1'],
      ['a', '2'],
      ['b', '3'],
    ] as const;
    const encoded = encodePublish(5, {
      topic: Buffer.from('t'),
      payload: Buffer.alloc(0),
      qos: 0,
      dup: false,
      retain: false,
      packetId: 0,
      properties: Buffer.concat(pairs.map(([name, value]) => userProperty(name, value))),
      expirySeconds: undefined,
      subscriptionIds: [],
    });
    const [packet] = decodeAll(encoded, 5) as [PublishPacket];
    expect(userPropertiesOf(packet.properties.bytes).map(({ name, value }) => [name, value])).toEqual(pairs);
  });
});

function readOne(encoded: Buffer): Packet {
  const read: Packet[] = [];
  const oracle = parser(MQTT5);
  oracle.on('packet', (packet) => read.push(packet));
  oracle.on('error', (error) => {
    throw error;
  });
  oracle.parse(encoded);
  expect(read).toHaveLength(1);
  return read[0] as Packet;
}

const connect = generate({
  cmd: 'connect',
  clientId: 'c',
  protocolVersion: 5,
  clean: true,
  keepalive: 30,
  username: 'u',
  password: Buffer.from('p'),
  will: {
    topic: 'w',
    payload: Buffer.from('x'),
    qos: 1,
    retain: true,
    properties: { willDelayInterval: 3, contentType: 't' },
  },
  properties: { sessionExpiryInterval: 60, receiveMaximum: 5, maximumPacketSize: 100, topicAliasMaximum: 2 },
});

describe('CONNECT', () => {
  it('is read as mqtt-packet wrote it', () => {
    const [packet] = decodeAll(connect) as [ConnectPacket];
    expect(packet).toMatchObject({
      version: 5,
      clientId: 'c',
      cleanStart: true,
      keepAliveSeconds: 30,
      username: 'u',
      sessionExpirySeconds: 60,
      receiveMaximum: 5,
      maximumPacketBytes: 100,
      topicAliasMaximum: 2,
      will: { topic: 'w', qos: 1, retain: true, properties: { willDelaySeconds: 3 } },
    });
  });
});

describe('the stream', () => {
  const publishes = [0, 1, 2].map((qos) =>
    generatePublish({
      topic: 't',
      payload: Buffer.from(`p${qos}`),
      qos: qos as Qos,
      retain: false,
      messageId: 1,
    }),
  );
  const subscribe = generate(
    { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a/#', qos: 1 }] },
    MQTT5,
  );
  const all = Buffer.concat([...publishes, subscribe, generate({ cmd: 'pingreq' })]);

  it('gives the same packets wherever it is cut', () => {
    const whole = decodeAll(all, 5);
    for (let cut = 0; cut <= all.length; cut++)
      expect(readIn([all.subarray(0, cut), all.subarray(cut)])).toEqual(whole);
    expect(readIn([...all].map((byte) => Buffer.from([byte])))).toEqual(whole);
  });

  it('holds no more than what came of an announced packet', () => {
    const splitter = new FrameSplitter(1024 * 1024);
    splitter.push(Buffer.from([0x30, 0xff, 0xff, 0x1f, 1]), () => true);
    expect((splitter as unknown as { held: Buffer }).held.length).toBeLessThan(64);
  });

  it('refuses a packet above the limit as soon as its length is known', () => {
    const splitter = new FrameSplitter(1024);
    expect(() => splitter.push(Buffer.from([0x30, 0xff, 0xff, 0x3f]), () => true)).toThrow(
      expect.objectContaining({ reasonCode: 0x95 }),
    );
  });

  it('refuses a length of five bytes', () => {
    const splitter = new FrameSplitter(1024);
    expect(() => splitter.push(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 1]), () => true)).toThrow(
      expect.objectContaining({ reasonCode: 0x81 }),
    );
  });

  function readIn(chunks: readonly Buffer[]): ClientPacket[] {
    const packets: ClientPacket[] = [];
    const splitter = new FrameSplitter(1024);
    for (const chunk of chunks) {
      splitter.push(chunk, (data, start, bodyStart, end) => {
        packets.push(decodePacket(data, start, bodyStart, end, 5));
        return true;
      });
    }
    return packets;
  }
});

describe('hostile bytes', () => {
  const decodeOrRefuse = (data: Buffer, version?: 4 | 5): void => {
    try {
      decodeAll(data, version);
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      expect(error.reasonCode).toBeGreaterThanOrEqual(0x80);
    }
  };

  it('never do more than end the connection with a reason', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.constantFrom(undefined, 4 as const, 5 as const),
        (data, version) => {
          expect(() => decodeOrRefuse(Buffer.from(data), version)).not.toThrow();
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('in place of any byte of a valid packet do no more either', () => {
    const valid = [
      connect,
      generatePublish({
        topic: 't',
        payload: 'x',
        qos: 1,
        retain: false,
        messageId: 1,
        properties: { contentType: 'a', userProperties: { a: 'b' } },
      }),
    ];
    for (const packet of valid) {
      for (let at = 0; at < packet.length; at++) {
        for (const byte of [0, 1, 0x7f, 0x80, 0xc0, 0xff]) {
          const mutated = Buffer.from(packet);
          mutated[at] = byte;
          expect(() => decodeOrRefuse(mutated, packet === connect ? undefined : 5)).not.toThrow();
        }
      }
    }
  });

  it.each([
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a truncated sequence', [0xe2, 0x82]],
    ['a code point beyond Unicode', [0xf5, 0x80, 0x80, 0x80]],
    ['U+0000', [0x61, 0x00]],
  ])('in a topic are refused: %s', (_what, content) => {
    const packet = Buffer.from([0x30, content.length + 3, 0, content.length, ...content, 0]);
    expect(() => decodeAll(packet, 5)).toThrow(expect.objectContaining({ reasonCode: 0x81 }));
  });

  it.each([
    ['a reserved packet type', [0x00, 0], 0x81],
    ['a packet that only a server sends', [0xd0, 0], 0x82],
    ['a second CONNECT', [0x10, 0], 0x82],
    ['QoS 3', [0x36, 5, 0, 1, 0x61, 0, 1], 0x81],
    ['packet identifier 0', [0x32, 6, 0, 1, 0x61, 0, 0, 0], 0x82],
    ['a wildcard in a topic name', [0x30, 4, 0, 1, 0x23, 0], 0x90],
    ['an empty topic without alias', [0x30, 3, 0, 0, 0], 0x90],
    ['a SUBSCRIBE without filters', [0x82, 3, 0, 1, 0], 0x82],
    ['wrong flags of SUBSCRIBE', [0x80, 3, 0, 1, 0], 0x81],
    ['a property twice', [0x30, 8, 0, 1, 0x61, 4, 1, 0, 1, 0], 0x82],
    ['a property of another packet', [0x30, 7, 0, 1, 0x61, 3, 33, 0, 1], 0x81],
    ['a subscription identifier from a client', [0x30, 6, 0, 1, 0x61, 2, 11, 1], 0x82],
  ])('are refused with the right reason: %s', (_what, packet, reasonCode) => {
    expect(() => decodeAll(Buffer.from(packet), 5)).toThrow(expect.objectContaining({ reasonCode }));
  });
});
