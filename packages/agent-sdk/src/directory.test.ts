import { createBroker } from '@shoal/broker';
import { openLink } from '@shoal/mqtt-link';
import type { Task } from '@shoal/protocol';
import { createRegistry } from '@shoal/registry-client';
import { afterEach, expect, it } from 'vitest';
import { createAgent, createRequester } from './index.ts';

const cleanUp: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const work of cleanUp.splice(0).toReversed()) await work();
});

it('a Registry is an AgentDirectory: agents are selected by skill, tag and status, and by preference', async () => {
  const broker = createBroker({ allowAnonymous: true });
  const { tcp } = await broker.start();
  const url = tcp?.url ?? '';
  cleanUp.push(() => broker.stop());
  const start = async (agentId: string, tags: string[]) => {
    const skills = [{ id: 'diagnose', tags }];
    const card = { name: agentId, description: 'Finds faults.', skills };
    const agent = createAgent({ url, org: 'o', unit: 'u', agentId, card, handle: () => agentId });
    await agent.start();
    cleanUp.push(() => agent.stop({ graceMs: 0 }));
    return agent;
  };
  const one = await start('one', ['pump']);
  await start('two', ['pump', 'vibration']);
  const link = await openLink({ url, clientId: 'o/u/asker' });
  cleanUp.push(() => link.close());
  const registry = createRegistry({ link });
  await registry.start();
  cleanUp.push(() => registry.stop());
  const requester = createRequester({
    link,
    address: { org: 'o', unit: 'u', agentId: 'asker' },
    directory: registry,
  });
  const answer = async (selection: Parameters<typeof requester.send>[0]) =>
    ((await requester.send(selection, 'x')) as Task).artifacts?.[0]?.parts[0]?.text;

  expect(await answer({ skill: 'diagnose', tag: 'vibration' })).toBe('two');
  const byName = (wanted: string) => (a: { readonly card: { readonly name: string } }) =>
    a.card.name === wanted ? -1 : 1;
  expect(await answer({ skill: 'diagnose', prefer: byName('one') })).toBe('one');
  await one.stop();
  await expect.poll(() => registry.get(one.address)?.presence.state).toBe('offline');
  expect(await answer({ skill: 'diagnose', prefer: byName('one') })).toBe('two');
  await expect(answer({ skill: 'paint' })).rejects.toMatchObject({ code: 'no-agent' });
  await expect(answer({ skill: 'diagnose', status: ['asleep'] })).rejects.toMatchObject({ code: 'no-agent' });
});
