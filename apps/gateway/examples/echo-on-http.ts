import { createAgent } from '@shoal/agent-sdk';
import { createGateway } from '@shoal/gateway';

const url = process.env['SHOAL_BROKER_URL'] ?? 'mqtt://127.0.0.1:1883';
const agent = createAgent({
  url,
  org: 'acme',
  unit: 'plant-1',
  agentId: 'echo-on-http',
  card: { name: 'Echo', description: 'Says it again.' },
  handle: (task) => `You said: ${task.text}`,
});
await agent.start();
const gateway = createGateway({ url, org: 'acme', unit: 'plant-1', port: 0 });
await gateway.start();

const response = await fetch(`${gateway.url}/acme/plant-1/echo-on-http/message:send`, {
  method: 'POST',
  headers: { 'content-type': 'application/json', 'a2a-version': '1.0' },
  body: JSON.stringify({ message: { messageId: 'm-1', role: 'ROLE_USER', parts: [{ text: 'hello' }] } }),
});
export const answer = JSON.stringify(await response.json());
process.stdout.write(`${answer}\n`);

await gateway.stop();
await agent.stop();
