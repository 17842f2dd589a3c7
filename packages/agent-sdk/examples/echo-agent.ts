import { createAgent } from '@shoal/agent-sdk';

export const agent = createAgent({
  url: process.env['SHOAL_BROKER_URL'] ?? 'mqtt://127.0.0.1:1883',
  org: 'acme',
  unit: 'plant-1',
  agentId: 'echo',
  card: { name: 'Echo', description: 'Says it again.' },
  handle: (task) => `You said: ${task.text}`,
});
await agent.start();
