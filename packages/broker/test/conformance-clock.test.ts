import type { IPublishPacket } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';

import { createHarness, properties, will, type FakeClient } from './engine-harness.ts';

const SESSION = { sessionExpirySeconds: 100, cleanStart: false };
const published = (client: FakeClient): IPublishPacket[] => client.port.take('publish') as IPublishPacket[];
const expiring = (expirySeconds: number) => ({ properties: properties({ expirySeconds }) });

/** What only a clock can show; it is turned by hand. */
describe('MQTT 5 and time', () => {
  it('MQTT-4.1.0-1, MQTT-4.1.0-2: a session does not end while connected, and ends when its interval is over', () => {
    const harness = createHarness();
    const client = harness.connect('a', SESSION);
    harness.advance(1_000_000);
    expect(harness.engine.context.sessions.size).toBe(1);
    client.drop();
    harness.advance(99_999);
    expect(harness.connect('a', SESSION).port.take('connack')).toMatchObject([{ sessionPresent: true }]);
    const again = harness.connect('b', SESSION);
    again.drop();
    harness.advance(100_000);
    expect(harness.connect('b', SESSION).port.take('connack')).toMatchObject([{ sessionPresent: false }]);
  });

  it('MQTT-3.1.3-9, MQTT-3.1.2-8: a delayed will is sent after the delay, unless the session was taken up again', () => {
    const harness = createHarness();
    const watcher = harness.connect('w');
    watcher.subscribe('w');
    const delayed = {
      ...SESSION,
      will: will('w', 'late', { properties: properties({ willDelaySeconds: 10 }) }),
    };
    harness.connect('a', delayed).drop();
    harness.advance(9_999);
    const back = harness.connect('a', delayed);
    harness.advance(60_000);
    expect(watcher.port.payloads()).toEqual([]);
    back.drop();
    harness.advance(10_000);
    expect(watcher.port.payloads()).toEqual(['late']);
  });

  it.each([
    ['DISCONNECT 0x04 with a session that ends at once', 0, 0],
    ['DISCONNECT 0x04 with a session shorter than the delay', 5, 5_000],
    ['DISCONNECT 0x04 with a session longer than the delay', 50, 10_000],
  ])('MQTT-3.1.2-8: a delayed will after %s', (_what, sessionExpirySeconds, dueMs) => {
    const harness = createHarness();
    const watcher = harness.connect('w');
    watcher.subscribe('w');
    const late = will('w', 'late', { properties: properties({ willDelaySeconds: 10 }) });
    const client = harness.connect('a', { ...SESSION, will: late });
    client.send({ type: 'disconnect', reasonCode: 4, sessionExpirySeconds });
    harness.advance(Math.max(0, dueMs - 1));
    expect(watcher.port.payloads()).toEqual(dueMs === 0 ? ['late'] : []);
    harness.advance(1);
    expect(watcher.port.payloads()).toEqual(dueMs === 0 ? [] : ['late']);
  });

  it('MQTT-3.1.2-10: a delayed will is sent once, and its message expiry begins then', () => {
    const harness = createHarness();
    const watcher = harness.connect('w');
    watcher.subscribe('w');
    const late = will('w', 'late', { properties: properties({ willDelaySeconds: 10, expirySeconds: 30 }) });
    harness.connect('a', { ...SESSION, will: late }).drop();
    harness.advance(200_000);
    const got = published(watcher);
    expect(got.map(({ properties: sent }) => sent?.messageExpiryInterval)).toEqual([30]);
  });

  it('MQTT-3.3.2-5, MQTT-3.3.2-6: what waited is dropped when its time is over, else comes with the rest of it', () => {
    const harness = createHarness();
    const away = harness.connect('a', SESSION);
    away.subscribe('t');
    away.drop();
    const sender = harness.connect('s');
    sender.publish('t', 'short', expiring(5));
    sender.publish('t', 'long', expiring(60));
    sender.publish('t', 'retained', { retain: true, ...expiring(60) });
    harness.advance(10_000);
    const got = [...published(harness.connect('a', SESSION))];
    const late = harness.connect('late');
    late.subscribe('t');
    got.push(...published(late));
    const seen = got.map(({ payload, properties: sent }) => [
      payload.toString(),
      sent?.messageExpiryInterval,
    ]);
    expect(seen).toEqual([
      ['long', 50],
      ['retained', 50],
      ['retained', 50],
    ]);
  });

  it.each([0, 1, 2] as const)(
    'MQTT-3.3.2-5: an interval of 0 is for those who can take it at once (QoS %i)',
    (qos) => {
      const harness = createHarness();
      const [here, away] = [harness.connect('here'), harness.connect('away', SESSION)];
      for (const client of [here, away]) client.subscribe('t');
      away.drop();
      harness.connect('s').publish('t', 'now', { qos, ...expiring(0) });
      expect(published(here).map(({ properties: sent }) => sent?.messageExpiryInterval)).toEqual([0]);
      harness.advance(1);
      expect(published(harness.connect('away', SESSION))).toEqual([]);
    },
  );

  it('MQTT-4.3.3-7, MQTT-4.3.3-13: QoS 2 that was sent is finished although its time is over', () => {
    const harness = createHarness();
    const receiver = harness.connect('a', SESSION);
    receiver.subscribe('t');
    harness.connect('s').publish('t', 'x', { qos: 2, ...expiring(5) });
    const [first] = published(receiver);
    receiver.drop();
    harness.advance(20_000);
    const again = harness.connect('a', SESSION);
    expect(published(again)).toMatchObject([{ dup: true, messageId: first?.messageId }]);
    const packetId = first?.messageId as number;
    again.send({ type: 'pubrec', packetId, reasonCode: 0 });
    expect(again.port.take('pubrel')).toHaveLength(1);
    again.send({ type: 'pubcomp', packetId, reasonCode: 0 });
    expect(harness.engine.context.sessions.get('a')?.inflight.size).toBe(0);
  });

  it('MQTT-4.3.3-13: a message that expired at once is still acknowledged to the end', () => {
    const harness = createHarness();
    const sender = harness.connect('s');
    sender.publish('t', 'x', { qos: 2, packetId: 4, ...expiring(0) });
    harness.advance(5_000);
    expect(sender.port.take('pubrec')).toHaveLength(1);
    sender.send({ type: 'pubrel', packetId: 4, reasonCode: 0 });
    expect(sender.port.take('pubcomp')).toMatchObject([{ reasonCode: 0 }]);
  });
});
