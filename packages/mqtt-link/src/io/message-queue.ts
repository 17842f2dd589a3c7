import { Fifo } from '../core/fifo.ts';
import { LinkError } from '../core/link-error.ts';
import type { InboundMessage } from '../link.ts';

interface Waiter {
  readonly resolve: (result: IteratorResult<InboundMessage>) => void;
  readonly reject: (error: Error) => void;
}

const DONE: IteratorResult<InboundMessage> = { done: true, value: undefined };

/** Messages for one consumer that iterates. Ends when closed, throws when it failed or holds more than `limit`. */
export class MessageQueue implements AsyncIterableIterator<InboundMessage> {
  readonly #messages = new Fifo<InboundMessage>();
  readonly #waiters = new Fifo<Waiter>();
  readonly #limit: number;
  readonly #onReturn: () => void;
  #error: Error | undefined;
  #ended = false;

  constructor(limit: number, onReturn: () => void) {
    this.#limit = limit;
    this.#onReturn = onReturn;
  }

  push(message: InboundMessage): void {
    if (this.#ended) return;
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) return waiter.resolve({ done: false, value: message });
    if (this.#messages.length < this.#limit) return this.#messages.push(message);
    this.fail(new LinkError('queue-overflow', `more than ${this.#limit} replies wait to be read`));
  }

  fail(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#error = error;
    else waiter.reject(error);
    this.#finishWaiters();
  }

  close(): void {
    this.#ended = true;
    this.#messages.drain();
    this.#finishWaiters();
  }

  next(): Promise<IteratorResult<InboundMessage>> {
    const message = this.#messages.shift();
    if (message !== undefined) return Promise.resolve({ done: false, value: message });
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) return Promise.reject(error);
    if (this.#ended) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<InboundMessage>> {
    this.#onReturn();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #finishWaiters(): void {
    for (const waiter of this.#waiters.drain()) waiter.resolve(DONE);
  }
}
