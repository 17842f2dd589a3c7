import { LinkError, type Link, type LinkEvents, type PublishAck } from '@shoal/mqtt-link';
import { describe, expect, test } from 'vitest';
import { StepLink } from './step-link.ts';

const ACK: PublishAck = { reasonCode: 0, noMatchingSubscribers: false };

/** Of a link only what a StepLink uses. Publishes wait until `acknowledge`. */
class FakeLink {
  state: Link['state'] = 'online';
  readonly published: string[] = [];
  readonly #waiting: ((ack: PublishAck) => void)[] = [];
  readonly #listeners = new Map<string, (() => void)[]>();

  publish(topic: string): Promise<PublishAck> {
    this.published.push(topic);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  acknowledge(): void {
    for (const resolve of this.#waiting.splice(0)) resolve(ACK);
  }

  on(event: keyof LinkEvents, listener: () => void): () => void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
    return () => undefined;
  }

  lose(): void {
    this.state = 'closed';
    for (const listener of this.#listeners.get('closed') ?? []) listener();
  }

  close(): Promise<void> {
    this.state = 'closed';
    return Promise.resolve();
  }
}

function setting(sharedState: Link['state'] = 'online') {
  const [shared, own] = [new FakeLink(), new FakeLink()];
  shared.state = sharedState;
  let answer: (link: Link) => void = () => undefined;
  let refuse: (error: Error) => void = () => undefined;
  const link = new StepLink({
    shared: shared as unknown as Link,
    clientId: 'o/u/s.a',
    openOwn: () =>
      new Promise((resolve, reject) => {
        answer = resolve;
        refuse = reject;
      }),
  });
  const events: string[] = [];
  for (const event of ['offline', 'online', 'fenced', 'closed'] as const)
    link.on(event, () => void events.push(event));
  return {
    link,
    shared,
    own,
    events,
    opens: () => answer(own as unknown as Link),
    refuses: (error: Error) => refuse(error),
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the link of a step', () => {
  test('what is on its way over the shared connection is acknowledged before anything goes over its own', async () => {
    const { link, shared, own, events, opens } = setting();
    const first = link.publish('first', '');
    const promoted = link.promote();
    const second = link.publish('second', '');
    opens();
    await settled();
    expect(link.state).toBe('offline');
    await expect(link.publish('between', '')).rejects.toMatchObject({ code: 'not-connected' });
    shared.acknowledge();
    await Promise.all([first, second, promoted]);
    expect(link.state).toBe('online');
    const third = link.publish('third', '');
    own.acknowledge();
    await third;
    expect([shared.published, own.published]).toEqual([['first', 'second'], ['third']]);
    expect(events).toEqual(['offline', 'online']);
  });

  test('when the shared connection is lost it goes on over its own', async () => {
    const { link, shared, events, opens } = setting();
    shared.lose();
    expect([link.state, link.isShared]).toEqual(['offline', false]);
    opens();
    await settled();
    expect(link.state).toBe('online');
    expect(events).toEqual(['offline', 'online']);
  });

  test('one that is made when the shared connection is lost already has never written over it', async () => {
    const { link, shared, own, opens } = setting('closed');
    expect([link.state, link.isShared]).toEqual(['offline', false]);
    opens();
    await settled();
    const published = link.publish('first', '');
    own.acknowledge();
    await published;
    expect([shared.published, own.published]).toEqual([[], ['first']]);
  });

  test('who looks and finds that it was superseded is fenced', async () => {
    const { link, events, refuses } = setting();
    const promoted = link.promote();
    refuses(new LinkError('fenced', 'mayConnect said no'));
    await promoted;
    expect([link.state, events]).toEqual(['closed', ['fenced']]);
    await expect(link.publish('late', '')).rejects.toMatchObject({ code: 'closed' });
  });

  test('one that is closed while it connects closes what it gets', async () => {
    const { link, own, events, opens } = setting();
    const promoted = link.promote();
    await link.close();
    opens();
    await promoted;
    expect([own.state, events]).toEqual(['closed', []]);
  });
});
