import { randomUUID } from 'node:crypto';
import type { AgentAddress, Message, SendMessageRequest } from '@shoal/protocol';
import { createAgent } from '../io/agent.ts';
import type { Agent, AgentOptions } from '../io/agent-types.ts';
import type { TaskContext } from '../io/task-context.ts';
import { WireClient } from './wire-client.ts';

/** A requirement and the way to see whether it holds: framework-free, so that a test runner or a conformance kit can run it. */
export interface ContractCase {
  /** Ids of the test vectors that it covers. */
  readonly id: string;
  readonly title: string;
  run(setting: ContractSetting): Promise<void>;
}

export interface TestAgent {
  readonly agent: Agent;
  readonly address: AgentAddress;
  /** Message ids of the runs of the handler, in order. */
  readonly runs: string[];
  /** Lets handlers that wait go on, those of the future included. */
  release(): void;
}

/** What a case may use; all of it is taken down after the case. */
export class ContractSetting {
  readonly url: string;
  readonly #unit = `u${randomUUID().slice(0, 8)}`;
  readonly #cleanUp: (() => Promise<unknown>)[] = [];
  #count = 0;

  constructor(url: string) {
    this.url = url;
  }

  address(name: string): AgentAddress {
    this.#count += 1;
    return { org: 'contract', unit: this.#unit, agentId: `${name}-${this.#count}` };
  }

  onEnd(work: () => Promise<unknown>): void {
    this.#cleanUp.push(work);
  }

  async client(): Promise<WireClient> {
    const client = await WireClient.open(this.url, this.address('client'));
    this.onEnd(() => client.close());
    return client;
  }

  /** An agent that does what the message says; see `obey`. */
  async agent(options: Partial<AgentOptions> = {}): Promise<TestAgent> {
    const address =
      options.agentId === undefined
        ? this.address('echo')
        : { ...this.address(''), agentId: options.agentId };
    const runs: string[] = [];
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const agent = createAgent({
      url: this.url,
      card: { name: 'Contract', description: 'Does what a contract test says.' },
      handle: (task) => {
        runs.push(task.message.messageId);
        return obey(task, gate);
      },
      ...options,
      ...address,
    });
    await agent.start();
    this.onEnd(() => agent.stop({ graceMs: 0 }));
    return { agent, address, runs, release: () => release() };
  }

  async end(): Promise<void> {
    for (const work of this.#cleanUp.splice(0).toReversed()) await work();
  }
}

/** The words that test agents understand. */
async function obey(task: TaskContext, gate: Promise<void>): Promise<string | undefined> {
  const [word = '', ...rest] = task.text.split(' ');
  switch (word) {
    case 'throw':
      throw new Error(rest.join(' '));
    case 'fail':
      task.fail(rest.join(' '));
      return undefined;
    case 'reject':
      task.reject(rest.join(' '));
      return undefined;
    case 'ask':
      task.inputRequired('Which one?');
      return undefined;
    case 'authorize':
      await task.authRequired('Who are you?');
      await task.progress('authorized');
      return 'authorized';
    case 'wait':
      await Promise.race([gate, aborted(task.signal)]);
      return 'waited';
    case 'recall':
      return (await task.earlierTasks()).flatMap(({ history }) => history?.[0]?.parts[0]?.text ?? []).join();
    case 'count':
      for (let n = 0; n < Number(rest[0]); n += 1) await task.progress(`${n}`);
      return undefined;
    case 'chunks':
      await task.artifact({ artifactId: 'a', parts: [{ text: 'one' }], append: false, lastChunk: false });
      await task.artifact({ artifactId: 'a', parts: [{ text: 'two' }], append: true, lastChunk: true });
      return undefined;
    default:
      return `echo ${task.text}`;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });
}

/** A valid message of a new task. */
export function message(text: string, fields: Partial<Message> = {}): Message {
  return {
    messageId: randomUUID(),
    role: 'ROLE_USER',
    parts: [{ text }],
    taskId: randomUUID(),
    contextId: randomUUID(),
    ...fields,
  };
}

export function params(text: string, fields: Partial<Message> = {}): SendMessageRequest {
  return { message: message(text, fields) };
}
