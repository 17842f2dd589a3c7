import { openLink } from '@shoal/mqtt-link';
import { createRegistry } from '@shoal/registry-client';

const link = await openLink({
  url: process.env['SHOAL_BROKER_URL'] ?? 'mqtt://127.0.0.1:1883',
  clientId: 'watcher',
});
const registry = createRegistry({ link, org: 'acme' });
await registry.start();
for (const { address, card, presence } of registry.agents()) {
  const { state, source, reason, since } = presence;
  process.stdout.write(`${address.agentId}: ${card.name}, ${state} since ${since}: ${reason} (${source})\n`);
}
export const online = registry.find({ skill: 'diagnose', presence: ['online', 'suspect'] });
await registry.stop();
await link.close();
