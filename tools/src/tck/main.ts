/**
 * What the Technology Compatibility Kit of A2A 1.0 is run against: a broker, an agent that does what the kit's scenarios say, and the
 * gateway in front of it. Prints the address to give to the kit, and serves until it is told to end. See docs/a2a-tck.md.
 */
import { parseArgs } from 'node:util';
import { createAgent, type TaskHandler } from '@shoal/agent-sdk';
import { httpPush } from '@shoal/agent-sdk/push';
import { createBroker } from '@shoal/broker';
import { createGateway } from '@shoal/gateway';

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });
const where = { org: 'acme', unit: 'tck' };
const LONG_RUN_MS = 4_000;

/** The kit says what it wants in the prefix of the message id. */
const SCENARIOS: readonly (readonly [prefix: string, act: TaskHandler])[] = [
  ['tck-artifact-file-url', () => ({ parts: [{ url: 'https://example.com/output.txt', ...aFile }] })],
  ['tck-artifact-file', () => ({ parts: [{ raw: base64('content'), ...aFile }] })],
  ['tck-artifact-data', () => ({ data: { key: 'value', count: 42 } })],
  ['tck-artifact-text', () => 'Generated text content'],
  ['tck-input-required', (task) => task.inputRequired('What else?')],
  ['tck-reject-task', (task) => task.reject('rejected')],
  ['tck-stream-001', streamed('Stream hello from TCK')],
  ['tck-stream-003', streamed('Stream task lifecycle')],
  ['tck-stream-ordering-001', streamed('Ordered output')],
  ['tck-stream-artifact-text', streamed('Streamed text content')],
  ['tck-stream-artifact-file', () => ({ parts: [{ raw: base64('content'), ...aFile }] })],
  ['tck-stream-artifact-chunked', inChunks],
  ['test-resubscribe-message-id', runLong],
];
const aFile = { filename: 'output.txt', mediaType: 'text/plain' };

const broker = createBroker({ allowAnonymous: true });
const { tcp } = await broker.start();
const url = tcp?.url ?? '';
const agent = createAgent({
  url,
  ...where,
  agentId: 'subject',
  card: {
    name: 'Subject',
    description: 'Does what the scenarios of the kit say.',
    skills: [{ id: 'obey', name: 'Obey', description: 'Does as it is told.', tags: ['tck'] }],
  },
  // The kit's receiver of push notifications is on this machine.
  push: httpPush({ allowHttp: true, allowPrivate: true }),
  handle: (task) =>
    SCENARIOS.find(([prefix]) => task.message.messageId.startsWith(prefix))?.[1](task) ?? 'Hello from TCK',
});
await agent.start();
const port = Number(values.port);
const gateway = createGateway({ url, ...where, port, defaultAgent: 'subject', requestsPerMinute: 0 });
await gateway.start();
console.log(gateway.url);

process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());

async function stop(): Promise<void> {
  await gateway.stop({ graceMs: 0 });
  await agent.stop({ graceMs: 0 });
  await broker.stop();
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function streamed(text: string): TaskHandler {
  return async (task) => {
    await task.progress('working');
    return text;
  };
}

async function inChunks(task: Parameters<TaskHandler>[0]): Promise<void> {
  await task.progress('working');
  const artifactId = await task.artifact({ parts: [{ text: 'chunk-1 ' }], lastChunk: false });
  await task.artifact({ artifactId, parts: [{ text: 'chunk-2' }], append: true, lastChunk: true });
}

async function runLong(task: Parameters<TaskHandler>[0]): Promise<void> {
  await task.progress('working');
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, LONG_RUN_MS);
    task.signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
