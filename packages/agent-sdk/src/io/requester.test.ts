import type { InboundMessage, Link, Logger } from '@shoal/mqtt-link';
import { silentLogger } from '@shoal/mqtt-link';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { decodeRequest } from '../core/decode-request.ts';
import { createRequester } from './requester.ts';

const target = { org: 'o', unit: 'u', agentId: 'echo' };

/** A link whose SUBACK comes when the test says so. */
function slowLink() {
  const published: string[] = [];
  let acknowledge: () => void = () => undefined;
  const link = {
    on: () => () => undefined,
    subscribe: () =>
      new Promise((resolve) => (acknowledge = () => resolve({ close: () => Promise.resolve() }))),
    publish(topic: string) {
      published.push(topic);
      return Promise.resolve({ reasonCode: 0, noMatchingSubscribers: false });
    },
  } as unknown as Link;
  return { link, published, acknowledge: () => acknowledge() };
}

describe('a requester', () => {
  it('V38 S2: publishes only after the SUBACK of its reply topic', async () => {
    const { link, published, acknowledge } = slowLink();
    const requester = createRequester({
      link,
      address: { ...target, agentId: 'me' },
      clock: new FakeClock(),
    });
    const answer = requester.send(target, 'x');
    answer.catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(published).toEqual([]);
    acknowledge();
    await expect.poll(() => published).toEqual(['$a2a/v1/request/o/u/echo']);
    await requester.close();
  });

  it('V53 RT13: warns of a message expiry that does not exceed the first-reply timeout', async () => {
    const { link, acknowledge } = slowLink();
    const warnings: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (text) => void warnings.push(text) };
    const requester = createRequester({
      link,
      address: { ...target, agentId: 'me' },
      clock: new FakeClock(),
      logger,
    });
    for (const messageExpirySeconds of [15, 16])
      requester.send(target, 'x', { messageExpirySeconds }).catch(() => undefined);
    expect(warnings).toHaveLength(1);
    acknowledge();
    await requester.close();
  });
});

it('A17: a Response Topic with a wildcard is answered nowhere', () => {
  for (const responseTopic of ['$a2a/v1/reply/#', 'a/+/b']) {
    const message = { responseTopic, correlationData: new Uint8Array([1]), payload: new Uint8Array() };
    const decoded = decodeRequest({ ...message, userProperties: {} } as InboundMessage);
    expect(decoded).toMatchObject({ ok: false });
    expect('answer' in decoded).toBe(false);
  }
});
