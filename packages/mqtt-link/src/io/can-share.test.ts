import { afterEach, describe, expect, it } from 'vitest';
import { createBroker } from '@shoal/broker';
import type { InboundMessage, Link, MessageHandler } from '../link.ts';
import { mosquittoPath, startMosquitto } from '../testing/index.ts';
import { canShare } from './can-share.ts';
import { openLink } from './open-link.ts';

const cleanUp: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const work of cleanUp.splice(0).toReversed()) await work();
});

async function linkTo(broker: { readonly url: string }): Promise<Link> {
  const link = await openLink({ url: broker.url, clientId: 'prober' });
  cleanUp.push(() => link.close());
  return link;
}

/** A broker that grants everything and delivers to `$share/…` as late as `deliver` says. */
function slowLink(deliver: 'after the control' | 'never'): Link {
  const handlers = new Map<string, MessageHandler>();
  let nonce = '';
  const to = (filter: string | undefined): void =>
    void handlers.get(filter ?? '')?.({ text: () => nonce } as InboundMessage);
  return {
    subscribe(filter: string, handler: MessageHandler) {
      handlers.set(filter, handler);
      return Promise.resolve({ close: () => Promise.resolve() });
    },
    publish(topic: string, payload: string) {
      nonce = payload;
      if (handlers.has(topic)) {
        to(topic);
        if (deliver === 'after the control') setTimeout(() => to([...handlers.keys()][0]), 1);
      }
      return Promise.resolve({ reasonCode: 0, noMatchingSubscribers: false });
    },
  } as unknown as Link;
}

describe('canShare', () => {
  it('is true for $a2a topics on the embedded broker', async () => {
    const broker = createBroker({ allowAnonymous: true });
    const { tcp } = await broker.start();
    cleanUp.push(() => broker.stop());
    expect(await canShare(await linkTo({ url: tcp?.url ?? '' }), '$a2a/v1/event/o/u/prober')).toBe(true);
  });

  it.skipIf(mosquittoPath() === undefined)(
    'is false for $a2a topics on Mosquitto 2.0.11 and true for others',
    async () => {
      const broker = await startMosquitto();
      cleanUp.push(() => broker.stop());
      const link = await linkTo(broker);
      expect(await canShare(link, '$a2a/v1/event/o/u/prober')).toBe(false);
      expect(await canShare(link, 'event/o/u/prober')).toBe(true);
    },
  );

  it('gives a broker that is merely slow time, and says no to one that has delivered later messages', async () => {
    expect(await canShare(slowLink('after the control'), 't', 20)).toBe(true);
    expect(await canShare(slowLink('never'), 't', 20)).toBe(false);
  });
});
