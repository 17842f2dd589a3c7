import { createRequester, foldItem, stateOf, type MessageInput, type Target } from '@shoal/agent-sdk';
import type { Link } from '@shoal/mqtt-link';
import { parseClientId, type Message, type StreamResponse, type Task } from '@shoal/protocol';
import { artifactText, partsText } from '../core/answer-text.ts';
import { usageError } from '../errors.ts';
import { resolveAgent } from './registry.ts';
import type { Context } from '../program/context.ts';

export interface Asked {
  readonly task: Task | undefined;
  readonly message: Message | undefined;
  /** All text of the answer. */
  readonly text: string;
}

export interface AskOptions {
  readonly stream: boolean;
  readonly returnImmediately?: boolean;
  /** Longest silence. */
  readonly timeoutMs: number;
}

/** Sends one message and tells the answer as it comes. */
export async function ask(
  context: Context,
  link: Link,
  target: Target,
  input: MessageInput,
  options: AskOptions,
): Promise<Asked> {
  const address = parseClientId(link.clientId) ?? {
    org: 'shoal',
    unit: 'cli',
    agentId: link.clientId.replaceAll('/', '_'),
  };
  const requester = createRequester({ link, address });
  context.atEnd(() => requester.close());
  const calls = {
    signal: context.signal,
    firstReplyTimeoutMs: options.timeoutMs,
    idleTimeoutMs: Math.max(30_000, options.timeoutMs),
    maxAttempts: 1,
  };
  if (!options.stream) {
    const { returnImmediately = false } = options;
    const sent = requester.send(target, input, { ...calls, returnImmediately });
    const answer = await context.waiting('waiting for the answer', sent);
    const asked =
      'status' in answer
        ? ofTask(answer)
        : { task: undefined, message: answer, text: partsText(answer.parts) };
    context.tell(asked.text, 'status' in answer ? { task: answer } : { message: answer });
    return asked;
  }
  return readStream(context, requester.stream(target, input, calls));
}

async function readStream(context: Context, stream: AsyncIterable<StreamResponse>): Promise<Asked> {
  let task: Task | undefined;
  const told: string[] = [];
  const seen = new Set<string>();
  const say = (key: string, text: string): string => {
    if (text === '' || seen.has(key)) return '';
    seen.add(key);
    told.push(text);
    return text;
  };
  const iterator = stream[Symbol.asyncIterator]();
  for (;;) {
    const { value: item, done } = await context.waiting('waiting for the answer', iterator.next());
    if (done === true) break;
    task = foldItem(task, item);
    context.tell(textsOf(item, say), item);
    if (item.message !== undefined) return { task: undefined, message: item.message, text: told.join('\n') };
  }
  return { task, message: task?.status.message, text: told.join('\n') };
}

/** What an item says that was not said before: a task item repeats what its updates told. */
function textsOf(item: StreamResponse, say: (key: string, text: string) => string): string {
  const texts: string[] = [];
  const status = item.task?.status ?? item.statusUpdate?.status;
  if (status?.message !== undefined)
    texts.push(say(`m ${status.message.messageId}`, partsText(status.message.parts)));
  if (item.message !== undefined)
    texts.push(say(`m ${item.message.messageId}`, partsText(item.message.parts)));
  for (const artifact of item.task?.artifacts ?? [])
    texts.push(say(`a ${artifact.artifactId}`, artifactText(artifact)));
  if (item.artifactUpdate !== undefined) {
    const { artifact, append } = item.artifactUpdate;
    // Each further chunk is news of its own.
    const key = append === true ? `a ${artifact.artifactId} ${Math.random()}` : `a ${artifact.artifactId}`;
    texts.push(say(key, artifactText(artifact)));
  }
  const state = stateOf(item);
  if (state === 'TASK_STATE_FAILED' && status?.message === undefined)
    texts.push(say('failed', 'the task failed'));
  return texts.filter((text) => text !== '').join('\n');
}

function ofTask(task: Task): Asked {
  const { message } = task.status;
  const texts = [
    ...(message === undefined ? [] : [partsText(message.parts)]),
    ...(task.artifacts ?? []).map(artifactText),
  ];
  return { task, message, text: texts.join('\n') };
}

/** An agent, or `org/unit/pool/NAME` for a pool. */
export async function targetOf(context: Context, link: Link, text: string): Promise<Target> {
  const pool = /^(?:([^/]+)\/([^/]+)\/)?pool\/([^/]+)$/.exec(text);
  if (pool === null) return resolveAgent(context, link, text);
  const [, org = context.settings.org, unit = context.settings.unit, poolId = ''] = pool;
  if (org === undefined || unit === undefined)
    throw usageError(`"${text}": say org/unit/pool/NAME, or --org and --unit`, 'invalid-address');
  return { org, unit, poolId };
}

export function targetName(target: Target): string {
  if ('poolId' in target) return `${target.org}/${target.unit}/pool/${target.poolId}`;
  return 'agentId' in target ? `${target.org}/${target.unit}/${target.agentId}` : JSON.stringify(target);
}

/** The text of the command line, of `-`, and the data of `--data` as one message. Throws CliError `usage`. */
export async function messageFrom(
  context: Context,
  words: readonly string[],
  data: string | undefined,
): Promise<{ readonly text?: string; readonly data?: unknown }> {
  const given = words.join(' ');
  const text = given === '-' ? (await context.io.stdin.read()).trimEnd() : given;
  if (text === '' && data === undefined) throw usageError('there is nothing to ask: give a text, or --data');
  return {
    ...(text === '' ? {} : { text }),
    ...(data === undefined ? {} : { data: parseData('--data', data) }),
  };
}

export function parseData(flag: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw usageError(
      `${flag} takes JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      'invalid-json',
    );
  }
}

/** Throws CliError `usage` for what is no JSON object. */
export function parseObject(flag: string, text: string): Record<string, unknown> {
  const value = parseData(flag, text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw usageError(`${flag} takes a JSON object`);
  return value as Record<string, unknown>;
}
