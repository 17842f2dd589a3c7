import { isLinkError } from '@shoal/mqtt-link';
import { clientIdOf, type AgentAddress, type AgentCard } from '@shoal/protocol';
import { isRegistryError, registerCard, unregisterCard } from '@shoal/registry-client';
import type { Console } from './console.ts';
import { openAs } from './credentials.ts';

/** An agent that is connected would be evicted by a second connection with its client id. */
export class StillConnected extends Error {
  override readonly name = 'StillConnected';
}

/**
 * Publishes a card in the agent's name: on brokers that take a card only from its owner, over a connection with the agent's client id,
 * which is closed again at once. The card says offline, since nobody answers for it yet.
 */
export async function registerFor(it: Console, address: AgentAddress, card: AgentCard): Promise<void> {
  await ownOrAs(it, address, (link) => registerCard(link, card, { address, status: 'offline' }));
}

export async function unregisterFor(it: Console, address: AgentAddress): Promise<void> {
  await ownOrAs(it, address, (link) => unregisterCard(link, { address }));
}

async function ownOrAs(
  it: Console,
  address: AgentAddress,
  work: (link: Console['link']) => Promise<void>,
): Promise<void> {
  try {
    return await work(it.link);
  } catch (error) {
    if (!isRegistryError(error, 'registration-refused') && !isLinkError(error, 'publish-refused'))
      throw error;
  }
  const presence = it.fleet.registry.get(address)?.presence.state;
  if (presence === 'online' || presence === 'suspect')
    throw new StillConnected(
      `${address.agentId} is connected, and this broker takes its card from its own connection only: stop the agent first`,
    );
  const link = await openAs(it.credentials, clientIdOf(address));
  try {
    await work(link);
  } finally {
    await link.close();
  }
}
