import * as fc from 'fast-check';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { describe, expect, test } from 'vitest';
import type { PublishOptions, Qos } from '../link.ts';
import {
  encodeDisconnect,
  encodePuback,
  encodePubrec,
  encodePubrel,
  encodePublish,
  encodeSubscribe,
  encodeUnsubscribe,
  stampPublish,
} from './encode.ts';

function parse(bytes: Buffer): Packet {
  const packets: Packet[] = [];
  const parser = mqttPacket.parser({ protocolVersion: 5 });
  parser.on('packet', (packet) => packets.push(packet));
  parser.on('error', (error) => {
    throw error as Error;
  });
  parser.parse(bytes);
  expect(packets).toHaveLength(1);
  return packets[0]!;
}

const text = fc.string({ unit: 'grapheme', maxLength: 60 });
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

// The parser loses a repeated user property whose first value is empty.
const repeated = fc.array(fc.string({ unit: 'grapheme', minLength: 1 }), { minLength: 2, maxLength: 3 });

describe('PUBLISH', () => {
  test('is read back by an independent parser, field by field', () => {
    const options = fc.record({
      retain: fc.boolean(),
      responseTopic: optional(text),
      correlationData: optional(fc.uint8Array({ maxLength: 40 })),
      contentType: optional(text),
      payloadIsUtf8: optional(fc.boolean()),
      messageExpirySeconds: optional(fc.integer({ min: 0, max: 0xffff_ffff })),
      userProperties: optional(fc.dictionary(text, fc.oneof(text, repeated))),
    });
    const payload = fc.oneof(text, fc.uint8Array({ maxLength: 300 }), fc.constant('x'.repeat(20_000)));
    fc.assert(
      fc.property(text, payload, fc.constantFrom<Qos>(0, 1, 2), options, (topic, payload, qos, options) => {
        const encoded = encodePublish(topic, payload, qos, options as PublishOptions);
        if (qos > 0) stampPublish(encoded, 4_711, false);
        const packet = parse(encoded.bytes);
        if (packet.cmd !== 'publish') throw new Error(`parsed as ${packet.cmd}`);
        expect(packet).toMatchObject({ topic, qos, retain: options.retain, dup: false });
        expect(packet.messageId).toBe(qos > 0 ? 4_711 : undefined);
        expect(Buffer.from(packet.payload)).toEqual(Buffer.from(payload as string));
        const properties = packet.properties ?? {};
        expect(properties.responseTopic).toBe(options.responseTopic);
        expect(properties.contentType).toBe(options.contentType);
        expect(properties.payloadFormatIndicator).toBe(options.payloadIsUtf8);
        expect(properties.messageExpiryInterval).toBe(options.messageExpirySeconds);
        expect(properties.correlationData?.toString('hex')).toBe(
          options.correlationData === undefined
            ? undefined
            : Buffer.from(options.correlationData).toString('hex'),
        );
        expect({ ...properties.userProperties }).toEqual({ ...options.userProperties });
      }),
      { numRuns: 150 },
    );
  });

  test('carries DUP only when it is repeated', () => {
    const encoded = encodePublish('t', 'x', 1, {});
    stampPublish(encoded, 1, true);
    expect(parse(encoded.bytes)).toMatchObject({ dup: true, messageId: 1 });
    stampPublish(encoded, 2, false);
    expect(parse(encoded.bytes)).toMatchObject({ dup: false, messageId: 2 });
  });

  test.each([
    ['contentType', { contentType: 'x'.repeat(65_536) }],
    ['correlationData', { correlationData: new Uint8Array(65_536) }],
    ['messageExpirySeconds', { messageExpirySeconds: -1 }],
    ['messageExpirySeconds', { messageExpirySeconds: 1.5 }],
    ['userProperties.n', { userProperties: { n: 7 as unknown as string } }],
  ])('refuses a bad %s and names it', (field, options) => {
    expect(() => encodePublish('t', '', 0, options)).toThrowError(
      expect.objectContaining({
        code: 'invalid-property',
        message: expect.stringContaining(field) as string,
      }),
    );
  });
});

describe('the other packets', () => {
  test('are read back by an independent parser', () => {
    expect(parse(encodePuback(258))).toMatchObject({ cmd: 'puback', messageId: 258 });
    expect(parse(encodePubrec(65_535))).toMatchObject({ cmd: 'pubrec', messageId: 65_535 });
    expect(parse(encodePubrel(1))).toMatchObject({ cmd: 'pubrel', messageId: 1 });
    expect(parse(encodeDisconnect(0))).toMatchObject({ cmd: 'disconnect' });
    expect(parse(encodeDisconnect(4))).toMatchObject({ cmd: 'disconnect', reasonCode: 4 });
    expect(parse(encodeUnsubscribe(9, 'a/#'))).toMatchObject({
      cmd: 'unsubscribe',
      messageId: 9,
      unsubscriptions: ['a/#'],
    });
  });

  test.each([undefined, 1, 127, 128, 16_384, 268_435_455])(
    'SUBSCRIBE with subscription identifier %s',
    (subscriptionId) => {
      const bytes = encodeSubscribe(7, {
        filter: 'ä/+',
        qos: 1,
        noLocal: true,
        retainAsPublished: true,
        retainHandling: 2,
        subscriptionId,
      });
      const packet = parse(bytes);
      expect(packet).toMatchObject({
        cmd: 'subscribe',
        messageId: 7,
        subscriptions: [{ topic: 'ä/+', qos: 1, nl: true, rap: true, rh: 2 }],
      });
      if (packet.cmd !== 'subscribe') throw new Error('not a SUBSCRIBE');
      expect(packet.properties?.subscriptionIdentifier).toBe(subscriptionId);
    },
  );
});
