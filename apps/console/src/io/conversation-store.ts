import { isA2aError, type MessageInput, type Requester } from '@shoal/agent-sdk';
import type { Message, Task } from '@shoal/protocol';
import {
  asked,
  received,
  say,
  startConversation,
  waitsForInput,
  type Conversation,
} from '../core/conversation.ts';
import type { Scope } from '../core/scope.ts';
import { Signal } from './signal.ts';

const MOST_CONVERSATIONS = 20;

export interface Question {
  readonly text: string;
  readonly data?: unknown;
  readonly stream: boolean;
}

/** Requests to agents and what became of them, while the page is open. The oldest conversation goes when there are too many. */
export class ConversationStore {
  readonly signal = new Signal();
  readonly #requester: Requester;
  readonly #scope: Scope;
  readonly #conversations = new Map<string, Conversation>();
  readonly #stops = new Map<string, AbortController>();

  constructor(requester: Requester, scope: Scope) {
    this.#requester = requester;
    this.#scope = scope;
  }

  /** The newest first. */
  list(): readonly Conversation[] {
    return [...this.#conversations.values()].toReversed();
  }

  get(id: string): Conversation | undefined {
    return this.#conversations.get(id);
  }

  start(target: string): string {
    const id = crypto.randomUUID();
    this.#put(startConversation(id, target));
    for (const [oldest] of this.#conversations) {
      if (this.#conversations.size <= MOST_CONVERSATIONS) break;
      this.stop(oldest);
      this.#conversations.delete(oldest);
    }
    return id;
  }

  /** Sends to the agent of the conversation: to the task that waits for input, else as a new task of the same context. */
  async ask(id: string, question: Question): Promise<void> {
    const known = this.#conversations.get(id);
    if (known === undefined || known.busy) return;
    const shown = [question.text, question.data === undefined ? '' : JSON.stringify(question.data)];
    this.#put(asked(known, shown.filter(Boolean).join('\n'), Date.now()));
    const stop = new AbortController();
    this.#stops.set(id, stop);
    const target = { ...this.#scope, agentId: known.target };
    const input = messageFor(known, question);
    try {
      if (question.stream) {
        for await (const item of this.#requester.stream(target, input, { signal: stop.signal }))
          this.#update(id, (now) => received(now, item, Date.now()));
      } else {
        const answer = await this.#requester.send(target, input, {
          signal: stop.signal,
          firstReplyTimeoutMs: 60_000,
          maxAttempts: 1,
        });
        const item = isTask(answer) ? { task: answer } : { message: answer };
        this.#update(id, (now) => received(now, item, Date.now()));
      }
    } catch (error) {
      const code = isA2aError(error) ? error.code : 'error';
      const text = error instanceof Error ? error.message : String(error);
      this.#update(id, (now) => say(now, { kind: 'error', code, text, atMs: Date.now() }));
    } finally {
      this.#stops.delete(id);
      this.#update(id, (now) => ({ ...now, busy: false }));
    }
  }

  /** Stops listening; the task goes on. */
  stop(id: string): void {
    this.#stops.get(id)?.abort();
  }

  /** Asks the agent to cancel the newest task. */
  async cancel(id: string): Promise<void> {
    const { taskId, target } = this.#conversations.get(id) ?? {};
    if (taskId === undefined || target === undefined) return;
    try {
      const task = await this.#requester.cancelTask({ ...this.#scope, agentId: target }, { id: taskId });
      this.#update(id, (now) => received(now, { task }, Date.now()));
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const code = isA2aError(error) ? error.code : 'error';
      this.#update(id, (now) => say(now, { kind: 'error', code, text, atMs: Date.now() }));
    }
  }

  #update(id: string, change: (now: Conversation) => Conversation): void {
    const now = this.#conversations.get(id);
    if (now !== undefined) this.#put(change(now));
  }

  #put(conversation: Conversation): void {
    this.#conversations.set(conversation.id, conversation);
    this.signal.changed();
  }
}

function messageFor(conversation: Conversation, { text, data }: Question): MessageInput {
  const { taskId, contextId } = conversation;
  return {
    ...(text === '' ? {} : { text }),
    ...(data === undefined ? {} : { data }),
    ...(waitsForInput(conversation) && taskId !== undefined ? { taskId } : {}),
    ...(contextId === undefined || contextId === '' ? {} : { contextId }),
  };
}

function isTask(answer: Task | Message): answer is Task {
  return 'status' in answer;
}
