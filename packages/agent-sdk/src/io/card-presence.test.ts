import { createBroker } from '@shoal/broker';
import { openLink } from '@shoal/mqtt-link';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { createAgent } from './agent.ts';

const cleanUp: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const work of cleanUp.splice(0).toReversed()) await work();
});

async function brokerUrl(profile: 'shoal' | 'emqx'): Promise<string> {
  const broker = createBroker({ allowAnonymous: true, registry: { profile } });
  const { tcp } = await broker.start();
  cleanUp.push(() => broker.stop());
  return tcp?.url ?? '';
}

const card = { name: 'Impostor', description: 'Its client id is not its address.' };

async function impostor(url: string, clock: FakeClock) {
  const link = await openLink({ url, clientId: 'somebody/else/entirely' });
  cleanUp.push(() => link.close());
  const agent = createAgent({
    link,
    publicUrl: url,
    org: 'o',
    unit: 'u',
    agentId: 'odd',
    card,
    clock,
    handle: () => undefined,
  });
  return { link, agent };
}

describe('a card that the registry refuses', () => {
  it('fails start with the reason that the broker gives', async () => {
    const { agent } = await impostor(await brokerUrl('shoal'), new FakeClock());
    await expect(agent.start()).rejects.toMatchObject({ code: 'registration-refused' });
  });

  it('fails start when the broker drops it without a word, as EMQX does', async () => {
    const clock = new FakeClock();
    const { agent, link } = await impostor(await brokerUrl('emqx'), clock);
    const started = agent.start();
    started.catch(() => undefined);
    await expect.poll(() => clock.dueInMs()).toEqual([5_000]);
    // The card was published before this; when this is acknowledged, so is the card.
    await link.publish('any/topic', '');
    clock.advance(5_000);
    await expect(started).rejects.toMatchObject({ code: 'registration-refused' });
  });

  it('and one that EMQX keeps starts its agent', async () => {
    const url = await brokerUrl('emqx');
    const agent = createAgent({ url, org: 'o', unit: 'u', agentId: 'plain', card, handle: () => undefined });
    await agent.start();
    await agent.stop();
    expect(agent.link.state).toBe('closed');
  });
});
