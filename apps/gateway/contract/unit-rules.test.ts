import { createAgent } from '@shoal/agent-sdk';
import { createBroker, createPolicy } from '@shoal/broker';
import { expect, it } from 'vitest';
import { createGateway } from '../src/index.ts';

const PLACE = { org: 'acme', unit: 'plant-1' };

it('needs no more than the rules of its unit let it read; agents of all units take more', async () => {
  const broker = createBroker({
    allowAnonymous: true,
    authorize: createPolicy([
      { effect: 'allow', topics: ['$a2a/v1/+/acme/plant-1/#', 'shoal/v1/acme/plant-1/#'] },
    ]),
  });
  const url = (await broker.start()).tcp?.url ?? '';
  try {
    const gateway = createGateway({ url, ...PLACE, port: 0, agents: ['a'] });
    await gateway.start();
    expect(await (await fetch(`${gateway.url}/agents`)).json()).toEqual({ agents: [] });
    const agent = createAgent({
      url,
      ...PLACE,
      agentId: 'a',
      card: { name: 'A', description: 'Says hello.' },
      handle: () => 'hello',
    });
    await agent.start();
    await expect
      .poll(
        async () => ((await (await fetch(`${gateway.url}/agents`)).json()) as { agents: unknown[] }).agents,
      )
      .toMatchObject([{ agentId: 'a', presence: { state: 'online' } }]);
    await agent.stop();
    await gateway.stop();
    const wide = createGateway({ url, ...PLACE, port: 0, expose: () => true });
    await expect(wide.start()).rejects.toThrow('not allowed to subscribe to $a2a/v1/discovery/acme/+/+');
    await wide.stop();
  } finally {
    await broker.stop();
  }
});
