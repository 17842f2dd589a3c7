import { foldItem, isStreamEnd } from '@shoal/agent-sdk';
import type { JsonRpcError, StreamResponse, Task } from '@shoal/protocol';
import type { ReplyLine } from './reply-lines.ts';

/** Retries beyond this many replace the oldest (reference A5). */
const MAX_LINES = 4;

/** One message that an agent works on, and everyone who waits for what comes of it. */
export class Operation {
  readonly messageId: string;
  readonly contextId: string | undefined;
  #lines: ReplyLine[] = [];
  #task: Task | undefined;
  /** Nobody listens any more: the requesters have what they asked for, though the agent may still be at it. */
  rested = false;

  constructor(messageId: string, contextId: string | undefined) {
    this.messageId = messageId;
    this.contextId = contextId;
  }

  /** A retry of a stream begins with the task as it is (reference A5); then both hear the rest. */
  attach(line: ReplyLine): void {
    if (this.#lines.length >= MAX_LINES) this.#lines.shift();
    this.#lines.push(line);
    if (line.streaming && this.#task !== undefined)
      void line.item(JSON.stringify({ task: this.#task }), undefined);
  }

  /** Passes an item on. The promise is for the broker to catch up; whoever is gone holds nobody up. */
  async emit(item: StreamResponse, extensions: readonly string[] | undefined): Promise<void> {
    this.#task = foldItem(this.#task, item);
    const isEnd = isStreamEnd(item);
    const encoded = JSON.stringify(item);
    const lines = isEnd ? this.#detach() : [...this.#lines];
    const waits: Promise<void>[] = [];
    for (const line of lines) {
      const wait = line.streaming ? line.item(encoded, extensions) : undefined;
      if (wait !== undefined) waits.push(wait);
      if (isEnd && !line.streaming)
        line.result(item.message === undefined ? { task: this.#task } : item, extensions);
    }
    await Promise.all(waits);
  }

  /** The one result of SendMessage. */
  answer(
    result: { readonly task?: unknown; readonly message?: unknown },
    extensions: readonly string[] | undefined,
  ): void {
    for (const line of this.#detach()) {
      if (line.streaming) void line.item(JSON.stringify(result), extensions);
      else line.result(result, extensions);
    }
  }

  fail(error: JsonRpcError): void {
    for (const line of this.#detach()) line.error(error);
  }

  /** Whether somebody still waits. */
  get isHeard(): boolean {
    return this.#lines.length > 0;
  }

  #detach(): readonly ReplyLine[] {
    this.rested = true;
    return this.#lines.splice(0);
  }
}
