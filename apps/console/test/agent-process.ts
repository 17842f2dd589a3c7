import { createAgent } from '@shoal/agent-sdk';
import { SCOPE } from './scope.ts';

/** An agent in a process of its own, so that a test can kill it. Tells its parent when it is registered. */
const [url = ''] = process.argv.slice(2);
const agent = createAgent({
  url,
  ...SCOPE,
  agentId: 'victim',
  card: {
    name: 'Victim',
    description: 'Is killed in a test.',
    skills: [{ id: 'live', name: 'Live', description: 'Lives.', tags: ['life'] }],
  },
  handle: () => Promise.resolve('alive'),
});
process.on('disconnect', () => process.exit(0));
await agent.start();
process.send?.('ready');
