import { createRequester } from '@shoal/agent-sdk';
import { openLink } from '@shoal/mqtt-link';
import { createRegistry } from '@shoal/registry-client';

const link = await openLink({
  url: process.env['SHOAL_BROKER_URL'] ?? 'mqtt://127.0.0.1:1883',
  clientId: 'acme/plant-1/dispatcher',
});
const registry = createRegistry({ link, org: 'acme' });
await registry.start();

const address = { org: 'acme', unit: 'plant-1', agentId: 'dispatcher' };
const requester = createRequester({ link, address, directory: registry });
export const chosen = await requester.send({ org: 'acme', skill: 'echo', status: ['online'] }, 'hello');

await registry.stop();
await link.close();
