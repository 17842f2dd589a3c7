import { createBroker } from '@shoal/broker';
import { openLink } from '@shoal/mqtt-link';
import { createRegistry } from '@shoal/registry-client';
import { afterEach, expect, it } from 'vitest';
import { createAgent, createRequester } from '../index.ts';

const cleanUp: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const work of cleanUp.splice(0).toReversed()) await work();
});

it('a registry of registry-client is the directory by which a requester selects an agent', async () => {
  const broker = createBroker({ allowAnonymous: true });
  const { tcp } = await broker.start();
  cleanUp.push(() => broker.stop());
  const url = tcp?.url ?? '';
  for (const agentId of ['pump', 'fan']) {
    const card = { name: agentId, description: 'Turns', skills: [{ id: `watch-${agentId}` }] };
    const agent = createAgent({ url, org: 'o', unit: 'u', agentId, card, handle: () => agentId });
    await agent.start();
    cleanUp.push(() => agent.stop());
  }
  const link = await openLink({ url, clientId: 'o/u/caller' });
  cleanUp.push(() => link.close());
  const directory = createRegistry({ link, org: 'o' });
  await directory.start();
  cleanUp.push(() => directory.stop());
  const requester = createRequester({ link, address: { org: 'o', unit: 'u', agentId: 'caller' }, directory });
  const answer = await requester.send({ org: 'o', skill: 'watch-fan', status: ['online'] }, 'who are you?');
  expect(answer).toMatchObject({ artifacts: [{ parts: [{ text: 'fan' }] }] });
});
