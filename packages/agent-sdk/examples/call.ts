import { createRequester } from '@shoal/agent-sdk';
import { openLink } from '@shoal/mqtt-link';

const link = await openLink({
  url: process.env['SHOAL_BROKER_URL'] ?? 'mqtt://127.0.0.1:1883',
  clientId: 'acme/plant-1/me',
});
const requester = createRequester({ link, address: { org: 'acme', unit: 'plant-1', agentId: 'me' } });
export const answer = await requester.send({ org: 'acme', unit: 'plant-1', agentId: 'echo' }, 'hello');
await link.close();
