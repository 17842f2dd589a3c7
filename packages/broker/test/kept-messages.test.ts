import { expect, it } from 'vitest';

import { NO_PROPERTIES } from '../src/core/codec/properties.ts';
import { FORGOTTEN } from '../src/core/message.ts';
import { TopicBytes } from '../src/core/topic-bytes.ts';
import { createHarness, type FakeClient } from './engine-harness.ts';

/** Publishes from memory that is used for something else afterwards, as a message on a view of a network buffer would. */
function publishBorrowed(sender: FakeClient, text: string): void {
  const payload = Buffer.from(`<${text}>`);
  sender.send({
    type: 'publish',
    topic: 't',
    payload: payload.subarray(1, -1),
    qos: 1,
    dup: false,
    retain: false,
    packetId: 1,
    properties: NO_PROPERTIES,
  });
  payload.fill('!');
}

it('copies what waits in a queue, also of a session that ends with its connection', () => {
  const harness = createHarness();
  const receivers = ['a', 'b'].map((id) => harness.connect(id, { receiveMaximum: 1 }));
  for (const receiver of receivers) receiver.subscribe('t');
  const sender = harness.connect('sender');
  for (const text of ['one', 'two', 'three']) publishBorrowed(sender, text);
  for (const receiver of receivers) {
    receiver.puback(1);
    receiver.puback(2);
    expect(receiver.port.payloads()).toEqual(['one', 'two', 'three']);
  }
  const [a, b] = receivers.map(({ connection }) => connection.session);
  expect(a!.queue.length + b!.queue.length).toBe(0);
});

it('keeps one copy for all queues', () => {
  const harness = createHarness();
  const receivers = ['a', 'b'].map((id) => harness.connect(id, { receiveMaximum: 1 }));
  for (const receiver of receivers) receiver.subscribe('t');
  const sender = harness.connect('sender');
  publishBorrowed(sender, 'one');
  publishBorrowed(sender, 'two');
  const [a, b] = receivers.map(({ connection }) => connection.session.queue.peek()!.message);
  expect(a!.payload.toString()).toBe('two');
  expect(b).toBe(a);
});

it('keeps a message until its acknowledgement where it may have to be sent again, and only there', () => {
  const harness = createHarness();
  const kept = harness.connect('kept', { sessionExpirySeconds: 100 });
  const member = harness.connect('member');
  const other = harness.connect('other');
  const plain = harness.connect('plain');
  kept.subscribe('t');
  plain.subscribe('t');
  member.subscribe('$share/g/t');
  publishBorrowed(harness.connect('sender'), 'one');
  const inflight = (client: FakeClient) => client.connection.session.inflight.get(1)!.message;
  expect(inflight(kept).payload.toString()).toBe('one');
  expect(inflight(plain)).toBe(FORGOTTEN);
  kept.drop();
  const back = harness.connect('kept', { cleanStart: false, sessionExpirySeconds: 100 });
  expect(back.port.payloads()).toEqual(['one']);
  other.subscribe('$share/g/t');
  member.drop();
  expect(other.port.payloads()).toEqual(['one']);
});

it('knows the bytes of topics that were seen, within bounds', () => {
  const topics = new TopicBytes();
  const bytes = topics.of('ä/b');
  expect(bytes.toString()).toBe('ä/b');
  expect(topics.of('ä/b')).toBe(bytes);
  expect(topics.of('x'.repeat(300))).toHaveLength(300);
  for (let i = 0; i < 5_000; i++) topics.of(`t/${i}`);
  expect(topics.of('ä/b')).not.toBe(bytes);
  expect(topics.of('ä/b')).toEqual(bytes);
});
