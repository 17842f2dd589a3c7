import { openLink } from '@shoal/mqtt-link';
import { createRegistry, type RegisteredAgent } from '@shoal/registry-client';

/** The test subscriber of the conformance kit on Shoal's registry client: a line of JSON for each change. */
const [url = '', org = '', unit = '', agentId = ''] = process.argv.slice(2);
const link = await openLink({ url, clientId: `${org}/${unit}/${agentId}` });
const registry = createRegistry({ link, org, unit });

function print({ address, card, presence }: RegisteredAgent): void {
  console.log(JSON.stringify({ agentId: address.agentId, status: presence.state, name: card.name }));
}

registry.on('registered', ({ agent }) => print(agent));
registry.on('updated', ({ agent }) => print(agent));
registry.on('presence', ({ agent }) => print(agent));
registry.on('unregistered', ({ agent: { address } }) =>
  console.log(JSON.stringify({ agentId: address.agentId, status: 'unregistered' })),
);
await registry.start();
registry.agents().forEach(print);
