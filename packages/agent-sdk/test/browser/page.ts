/** Runs in a browser: an agent and its caller in one page, each on a connection of its own. */
import { createAgent, createRequester } from '@shoal/agent-sdk';
import { openLink } from '@shoal/mqtt-link';
import { createRegistry } from '@shoal/registry-client';

export async function run(url: string): Promise<unknown> {
  const agent = createAgent({
    url,
    org: 'acme',
    unit: 'web',
    agentId: 'echo',
    card: { name: 'Echo', description: 'Says it again.' },
    handle: async (task) => {
      await task.progress('half way');
      return `You said: ${task.text}`;
    },
  });
  await agent.start();
  const link = await openLink({ url, clientId: 'acme/web/me' });
  const registry = createRegistry({ link, org: 'acme' });
  await registry.start();
  await registry.waitFor(() => true);
  const requester = createRequester({ link, address: { org: 'acme', unit: 'web', agentId: 'me' } });
  const answer = await requester.send(agent.address, 'hello');
  const big = await requester.send(agent.address, 'ü'.repeat(300_000));
  const states: unknown[] = [];
  for await (const item of requester.stream(agent.address, 'again'))
    states.push(item.statusUpdate?.status.state);
  await requester.close();
  await registry.stop();
  await link.close();
  await agent.stop();
  return { answer, bigLength: JSON.stringify(big).match(/ü/g)?.length, states };
}
