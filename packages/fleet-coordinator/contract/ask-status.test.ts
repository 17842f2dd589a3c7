import { createAgent, createRequester, type Requester } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import { openLink } from '@shoal/mqtt-link';
import { testBrokers } from '@shoal/mqtt-link/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askStatus } from '../src/io/ask-status.ts';

const place = { org: 'acme', unit: 'plant-1' };

describe.each(testBrokers(createBroker))('asking for the status on $name', ({ skip, start }) => {
  describe.skipIf(skip)('an agent that does not listen', () => {
    const cleanUp: (() => Promise<unknown>)[] = [];
    let url = '';
    let requester: Requester;

    beforeAll(async () => {
      const broker = await start();
      cleanUp.push(() => broker.stop());
      url = broker.url;
      const link = await openLink({ url, clientId: 'acme/plant-1/asker' });
      cleanUp.push(() => link.close());
      requester = createRequester({ link, address: { ...place, agentId: 'asker' } });
      cleanUp.push(() => requester.close());
    });
    afterAll(async () => {
      for (const work of cleanUp.toReversed()) await work();
    });

    const ask = (agentId: string, presence: string, withinMs: number) =>
      askStatus(requester, { ...place, agentId, presence }, AbortSignal.timeout(withinMs));

    it('is asked again until it is back', async () => {
      const reply = ask('late', 'suspect', 20_000);
      // The first question has gone out: what is published on one connection keeps its order.
      await expect(ask('nobody', 'offline', 20_000)).resolves.toMatchObject({ kind: 'silent' });
      const late = createAgent({
        url,
        ...place,
        agentId: 'late',
        card: { name: 'late', description: 'Comes late.' },
        handle: () => ({ data: { loadPercent: 30 } }),
      });
      cleanUp.push(() => late.stop());
      await late.start();
      expect(await reply).toEqual({ kind: 'answered', data: { loadPercent: 30 } });
    });

    it('is silent when its time is over, or at once when it said goodbye', async () => {
      expect(await ask('never', 'online', 1_200)).toMatchObject({ kind: 'silent' });
      expect(await ask('gone', 'offline', 20_000)).toMatchObject({
        kind: 'silent',
        why: expect.stringContaining('nobody subscribes'),
      });
    });
  });
});
