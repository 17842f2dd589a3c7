import { createRequester, isA2aError, foldItem, stateOf, type CallOptions } from '@shoal/agent-sdk';
import { openLink } from '@shoal/mqtt-link';
import type { Message, Task } from '@shoal/protocol';

/** The test requester of the conformance kit on Shoal's own SDK: one call, and one line of JSON that says how it ended. */
const [
  url = '',
  org = '',
  unit = '',
  agentId = '',
  target = '',
  operation = 'send',
  text = '',
  argument = '',
] = process.argv.slice(2);
const [firstReplyTimeoutMs = 15_000, idleTimeoutMs = 30_000] = process.argv.slice(10).map(Number);
const options: CallOptions = { firstReplyTimeoutMs, idleTimeoutMs };
const to = operation === 'pool' ? { org, unit, poolId: target } : { org, unit, agentId: target };

const link = await openLink({ url, clientId: `${org}/${unit}/${agentId}` });
const requester = createRequester({ link, address: { org, unit, agentId } });

const OPERATIONS: Readonly<Record<string, () => Promise<readonly object[]>>> = {
  send: async () => [await send(text)],
  pool: async () => OPERATIONS['stream']?.() ?? [],
  bearer: async () => [report(await requester.send(to, text, { ...options, token: argument }))],
  parallel: () => Promise.all([send(text), send(argument)]),
  stream: async () => {
    let task: Task | undefined;
    let items = 0;
    for await (const item of requester.stream(to, text, options)) {
      items += 1;
      if (item.message !== undefined) return [report(item.message)];
      task = foldItem(task, item);
    }
    return [{ ...(task === undefined ? {} : report(task)), items }];
  },
  get: async () => [report(await requester.getTask(to, { id: argument }, options))],
  cancel: async () => [report(await requester.cancelTask(to, { id: argument }, options))],
  converse: async () => {
    const first = await requester.send(to, text, options);
    if (!('status' in first) || stateOf({ task: first }) !== 'TASK_STATE_INPUT_REQUIRED')
      return [report(first)];
    const ids = {
      taskId: first.id,
      ...(first.contextId === undefined ? {} : { contextId: first.contextId }),
    };
    return [report(await requester.send(to, { text: argument, ...ids }, options))];
  },
};

async function send(words: string): Promise<object> {
  return report(await requester.send(to, words, options));
}

function report(reply: Task | Message): object {
  if (!('status' in reply)) return { outcome: 'completed', text: textOf(reply.parts) };
  const { state } = reply.status;
  const outcome = /COMPLETED/.test(state) ? 'completed' : /REQUIRED/.test(state) ? 'interrupted' : 'failed';
  return { outcome, state, text: textOf((reply.artifacts ?? []).flatMap(({ parts }) => parts)) };
}

function textOf(parts: readonly { readonly text?: string }[]): string {
  return parts.map((part) => part.text ?? '').join('\n');
}

function failure(error: unknown): object {
  if (!isA2aError(error)) throw error;
  if (error.code === 'timeout' || error.code === 'no-responder') return { outcome: 'timeout' };
  const name = error.family === 'binding' ? error.code.replaceAll('-', '_') : error.code;
  return { outcome: 'error', code: error.rpcCode, error: name, retryable: error.retryable };
}

const outcomes = await (
  OPERATIONS[operation]?.() ?? Promise.reject(new Error(`no operation ${operation}`))
).catch((error: unknown) => [failure(error)]);
for (const outcome of outcomes) console.log(JSON.stringify(outcome));
await requester.close();
await link.close();
