import { describe, expect, test } from 'vitest';
import { backoffDelayMs } from './backoff.ts';
import { readBrokerFeatures } from './broker-features.ts';
import { Fifo } from './fifo.ts';
import { Inbound } from './inbound.ts';
import { isLinkError, LinkError } from './link-error.ts';
import { PacketIds } from './packet-ids.ts';
import { describeReason } from './reason-codes.ts';

describe('backoff', () => {
  const range = { minDelayMs: 250, maxDelayMs: 10_000 };
  test('doubles up to the maximum', () => {
    expect([0, 1, 2, 5, 6, 1_000].map((failures) => backoffDelayMs(range, failures, 0.5))).toEqual([
      250, 500, 1_000, 8_000, 10_000, 10_000,
    ]);
  });
  test('spreads by a fifth either way', () => {
    expect(backoffDelayMs(range, 0, 0)).toBe(200);
    expect(backoffDelayMs(range, 0, 0.999_999)).toBe(300);
  });
});

describe('packet identifiers', () => {
  test('never give one that is in use, wrap after 65 535, and run out', () => {
    const used = new Set<number>();
    const ids = new PacketIds((id) => used.has(id));
    for (let id = 1; id <= 65_535; id += 1) {
      expect(ids.tryTake()).toBe(id);
      used.add(id);
    }
    expect(ids.tryTake()).toBeUndefined();
    used.delete(42);
    expect(ids.tryTake()).toBe(42);
  });
});

describe('fifo', () => {
  test('keeps the order over many pushes and shifts', () => {
    const fifo = new Fifo<number>();
    const out: (number | undefined)[] = [];
    for (let i = 0; i < 10_000; i += 1) {
      fifo.push(i);
      if (i % 3 !== 0) out.push(fifo.shift());
    }
    expect(fifo.length).toBe(10_000 - out.length);
    expect(fifo.peek()).toBe(out.length);
    out.push(...fifo.drain());
    expect(out).toEqual(Array.from({ length: 10_000 }, (_, index) => index));
    expect(fifo.shift()).toBeUndefined();
  });
});

describe('messages', () => {
  const fields = { topic: 't', qos: 0, retain: false, dup: false } as const;
  test('give their text, and say so when it is none', () => {
    expect(new Inbound({ ...fields, payload: Buffer.from('grün') }, 0).text()).toBe('grün');
    expect(() => new Inbound({ ...fields, payload: Buffer.from([0xff]) }, 0).text()).toThrowError(
      expect.objectContaining({ code: 'payload-not-utf8' }),
    );
  });
  test('have no keys for what the packet did not carry', () => {
    expect(Object.keys(new Inbound({ ...fields, payload: Buffer.alloc(0) }, 0))).not.toContain(
      'responseTopic',
    );
  });
});

describe('errors', () => {
  test('are told by their brand and code', () => {
    const error = new LinkError('publish-refused', 'no', { reasonCode: 0x97, reasonString: 'quota' });
    expect(isLinkError(error)).toBe(true);
    expect(isLinkError(error, 'publish-refused')).toBe(true);
    expect(isLinkError(error, 'closed')).toBe(false);
    expect(isLinkError(new Error('x'))).toBe(false);
    expect(isLinkError(null)).toBe(false);
    expect(describeReason(0x97, 'quota')).toBe('0x97 quota exceeded (quota)');
    expect(describeReason(0xfe)).toBe('0xfe unknown reason');
  });
});

describe('CONNACK', () => {
  test('without properties means the defaults of the standard', () => {
    expect(readBrokerFeatures({})).toEqual({
      maximumQos: 2,
      retainAvailable: true,
      sharedSubscriptionAvailable: true,
      wildcardSubscriptionAvailable: true,
      subscriptionIdentifiersAvailable: true,
      receiveMaximum: 65_535,
      userProperties: {},
    });
    expect(readBrokerFeatures({ properties: { maximumQoS: 0, retainAvailable: false } })).toMatchObject({
      maximumQos: 0,
      retainAvailable: false,
    });
  });
});
