import { createAgent, createRequester, foldItem } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import { openLink, type Link } from '@shoal/mqtt-link';
import { createRegistry } from '@shoal/registry-client';
import type { StreamResponse, Task } from '@shoal/protocol';
import { installPythonSdk } from './python-sdk.ts';
import { assert, run, startCommand } from './run-command.ts';

/** The profile's own Python SDK and ours understand each other, in both roles, on the embedded broker. */
const UNIT = { org: 'acme', unit: 'plant-1' };

const python = await installPythonSdk();
const broker = createBroker({ allowAnonymous: true });
const { tcp } = await broker.start();
assert(tcp, 'the broker opened no TCP listener');
const link = await openLink({ url: tcp.url, clientId: 'acme/plant-1/ts-asker' });
try {
  await askPython(link, tcp.port);
  await beAskedByPython(tcp.url, tcp.port);
} finally {
  await link.close();
  await broker.stop();
}
console.log('the Python SDK and ours understand each other in both roles');

async function askPython(link: Link, port: number): Promise<void> {
  const responder = startCommand(python, ['tools/interop/echo_responder.py', String(port)], {
    timeoutMs: 60_000,
  });
  const registry = createRegistry({ link, ...UNIT });
  const requester = createRequester({ link, address: { ...UNIT, agentId: 'ts-asker' } });
  try {
    await registry.start();
    const target = { ...UNIT, agentId: 'py-echo' };
    await registry.waitFor(({ address }) => address.agentId === 'py-echo', { timeoutMs: 15_000 });
    const reply = await requester.send(target, 'hello from TypeScript');
    assert(
      'status' in reply && reply.status.state === 'TASK_STATE_COMPLETED',
      `send: ${JSON.stringify(reply)}`,
    );
    assert(artifactText(reply).includes('You said: hello from TypeScript'), `send: ${JSON.stringify(reply)}`);
    const items: StreamResponse[] = [];
    for await (const item of requester.stream(target, 'once more')) items.push(item);
    let task: Task | undefined;
    for (const item of items) task = foldItem(task, item);
    assert(task?.status.state === 'TASK_STATE_COMPLETED', `stream: ${JSON.stringify(items)}`);
    console.log(`TypeScript asked Python: 1 reply, then ${items.length} stream items`);
  } catch (error) {
    throw new Error(`${String(error)}\n${JSON.stringify(responder.output())}`, { cause: error });
  } finally {
    await requester.close();
    await registry.stop();
    responder.child.kill('SIGKILL');
    await responder.done;
  }
}

async function beAskedByPython(url: string, port: number): Promise<void> {
  const agent = createAgent({
    url,
    ...UNIT,
    agentId: 'ts-echo',
    card: {
      name: 'TypeScript echo',
      description: 'Repeats a text.',
      skills: [{ id: 'echo', name: 'Echo', description: 'Repeats.', tags: ['echo'] }],
    },
    handle: async (task) => `You said: ${task.text}`,
  });
  await agent.start();
  try {
    const { stdout } = await run(
      python,
      ['tools/interop/ask.py', String(port), 'ts-echo', 'hello from Python'],
      { timeoutMs: 60_000 },
    );
    const replies = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; content: string });
    assert(
      replies.some(({ content }) => content.includes('You said: hello from Python')),
      `replies: ${stdout}`,
    );
    console.log(`Python asked TypeScript: ${replies.map(({ kind }) => kind).join(', ')}`);
  } finally {
    await agent.stop();
  }
}

function artifactText(task: Task): string {
  return (task.artifacts ?? []).flatMap(({ parts }) => parts.map((part) => part.text ?? '')).join('\n');
}
