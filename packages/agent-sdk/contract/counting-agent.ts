/** An agent with its tasks on the disk, in a process of its own for tests that kill it. Prints `ready`, then the message id of each run. */
import { createAgent } from '../src/index.ts';
import { levelTaskStore } from '../src/level/index.ts';

const [url = '', directory = '', agentId = ''] = process.argv.slice(2);
const agent = createAgent({
  url,
  org: 'o',
  unit: 'u',
  agentId,
  card: { name: 'Counter', description: 'Counts its runs.' },
  tasks: levelTaskStore({ directory }),
  handle(task) {
    process.stdout.write(`${task.message.messageId}\n`);
    if (task.text === 'ask') return task.inputRequired('Which one?');
    return task.text === 'hang' ? new Promise<string>(() => undefined) : 'done';
  },
});
await agent.start();
process.stdout.write('ready\n');
