import { createAgent } from '@shoal/agent-sdk';
import { openLink } from '@shoal/mqtt-link';
import { createRegistry } from '@shoal/registry-client';
import { addressOf, CONNECTING_AT_ONCE, inLanes, ORG, SKILLS, UNIT } from './fleet.ts';

/** Whole agents: each with its connection, Will, retained card, watch on its card, request subscription, task store. */
export function startSdkFleet(url: string, count: number): Promise<void> {
  return inLanes(count, CONNECTING_AT_ONCE, async (index) => {
    const agent = createAgent({
      url,
      ...addressOf(index),
      card: { name: `Agent ${index}`, description: 'One of many.', version: '1.0.0', skills: SKILLS },
      handle: () => 'done',
    });
    // Resolves when the broker showed the card: from then on it is discoverable.
    await agent.start();
  });
}

/** A new registry that reads all cards. Milliseconds. */
export async function readWithRegistry(url: string, count: number): Promise<number> {
  const link = await openLink({ url, clientId: `bench/agents/reader-${crypto.randomUUID()}` });
  const startMs = performance.now();
  const registry = createRegistry({ link, org: ORG, unit: UNIT, probe: false });
  await registry.start();
  const ms = performance.now() - startMs;
  const found = registry.find({ tag: 'vibration', presence: 'online' }).length;
  await registry.stop();
  await link.close();
  if (found !== count) throw new Error(`${found} of ${count} agents were found`);
  return ms;
}
