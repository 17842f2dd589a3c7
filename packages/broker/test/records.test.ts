import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import type { Message } from '../src/core/message.ts';
import type { Delivery } from '../src/core/session.ts';
import {
  decodeDelivery,
  decodeMessage,
  decodeWill,
  encodeDelivery,
  encodeMessage,
  encodeWill,
} from '../src/io/store/records.ts';

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);
const seconds = fc.integer({ min: 0, max: 0xffffffff });

const message: fc.Arbitrary<Message> = fc
  .record({
    topic: fc.string({ unit: 'binary', minLength: 1, maxLength: 100 }),
    payload: bytes,
    properties: bytes,
    qos,
    retain: fc.boolean(),
    expiresAtMs: fc.oneof(fc.constant(Infinity), fc.integer({ min: 0, max: 2 ** 45 })),
    publisher: fc.string({ unit: 'binary', maxLength: 50 }),
  })
  .map((fields) => ({ ...fields, topicBytes: Buffer.from(fields.topic) }));

const owner = fc.record({
  username: fc.option(fc.string({ unit: 'binary', maxLength: 50 }), { nil: undefined }),
  mount: fc.constantFrom('', 'tenant/'),
  grants: fc.option(fc.record({ publish: fc.array(fc.string()), subscribe: fc.array(fc.string()) }), {
    nil: undefined,
  }),
});

const delivery: fc.Arbitrary<Delivery> = fc.record({
  sequence: fc.nat(),
  message,
  qos,
  retain: fc.boolean(),
  subscriptionIds: fc.array(fc.integer({ min: 1, max: 268_435_455 }), { maxLength: 3 }),
  share: fc.option(fc.constant('$share/g/t/#'), { nil: undefined }),
  packetId: fc.integer({ min: 0, max: 65_535 }),
  state: fc.constantFrom('queued' as const, 'sent' as const),
});

it('reads back every message and every will', () => {
  fc.assert(
    fc.property(
      message,
      seconds,
      fc.option(seconds, { nil: undefined }),
      fc.option(owner, { nil: undefined }),
      (written, delaySeconds, expirySeconds, whose) => {
        expect(decodeMessage(encodeMessage(written))).toEqual(written);
        const will = { message: written, owner: whose, delaySeconds, expirySeconds };
        expect(decodeWill(encodeWill(will))).toEqual(will);
      },
    ),
  );
});

it('reads back every delivery, with its message or with the number of a shared one', () => {
  fc.assert(
    fc.property(delivery, fc.integer({ min: 1, max: 2 ** 48 - 1 }), (written, id) => {
      const { sequence: _, message: content, ...fields } = written;
      expect(decodeDelivery(encodeDelivery(written, undefined))).toEqual({
        delivery: fields,
        messageId: undefined,
        message: content,
      });
      expect(decodeDelivery(encodeDelivery(written, id))).toEqual({
        delivery: fields,
        messageId: id,
        message: undefined,
      });
    }),
  );
});

it('keeps of a released message only that it was', () => {
  fc.assert(
    fc.property(delivery, (written) => {
      const record = decodeDelivery(encodeDelivery({ ...written, qos: 2, state: 'released' }, undefined));
      expect(record.delivery).toMatchObject({ qos: 2, state: 'released', packetId: written.packetId });
      expect(record.message?.payload).toHaveLength(0);
    }),
  );
});
