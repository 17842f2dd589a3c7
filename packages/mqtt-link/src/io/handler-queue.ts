import { Fifo } from '../core/fifo.ts';
import type { InboundMessage, MessageHandler } from '../link.ts';
import type { Receipt } from './receipt.ts';

export interface HandlerQueueOptions {
  readonly manualAck: boolean;
  readonly concurrency: number;
  readonly maxQueued: number;
  /** The handler threw or rejected. */
  readonly onError: (error: unknown, message: InboundMessage) => void;
  /** A QoS 0 message was dropped. */
  readonly onOverflow: () => void;
}

interface Waiting {
  readonly message: InboundMessage;
  readonly receipt: Receipt | undefined;
}

/**
 * Runs one subscription's handler: in order, at most `concurrency` at once. With automatic acknowledgement, a message counts as
 * received when the handler takes it: what waits here is what the broker may still hold back by our Receive Maximum.
 */
export class HandlerQueue {
  readonly #handler: MessageHandler;
  readonly #options: HandlerQueueOptions;
  readonly #waiting = new Fifo<Waiting>();
  #running = 0;
  #closed = false;

  constructor(handler: MessageHandler, options: HandlerQueueOptions) {
    this.#handler = handler;
    this.#options = options;
  }

  push(message: InboundMessage, receipt: Receipt | undefined): void {
    if (this.#closed) {
      receipt?.done();
    } else if (this.#waiting.length === 0 && this.#running < this.#options.concurrency) {
      this.#run(message, receipt);
      // Only when the handler itself caused a message to arrive.
      if (this.#waiting.length > 0) this.#drain();
    } else if (receipt !== undefined || this.#makeRoom()) {
      this.#waiting.push({ message, receipt });
    }
  }

  /** Waiting messages are let go: acknowledged, or with manual acknowledgement left to the broker. */
  close(): void {
    this.#closed = true;
    for (const { receipt } of this.#waiting.drain()) {
      if (this.#options.manualAck) receipt?.refuse();
      else receipt?.done();
    }
  }

  #run(message: InboundMessage, receipt: Receipt | undefined): void {
    const { manualAck } = this.#options;
    if (!manualAck) receipt?.done();
    this.#running += 1;
    let result: void | Promise<void>;
    try {
      result = this.#handler(message);
    } catch (error) {
      this.#running -= 1;
      this.#fail(error, message, receipt);
      return;
    }
    if (result === undefined) {
      this.#running -= 1;
      if (manualAck) receipt?.done();
      return;
    }
    void this.#settle(result, message, receipt);
  }

  async #settle(result: Promise<void>, message: InboundMessage, receipt: Receipt | undefined): Promise<void> {
    try {
      await result;
      if (this.#options.manualAck) receipt?.done();
    } catch (error) {
      this.#fail(error, message, receipt);
    }
    this.#running -= 1;
    this.#drain();
  }

  #fail(error: unknown, message: InboundMessage, receipt: Receipt | undefined): void {
    if (this.#options.manualAck) receipt?.refuse();
    this.#options.onError(error, message);
  }

  #drain(): void {
    while (this.#running < this.#options.concurrency) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#run(next.message, next.receipt);
    }
  }

  /** Only QoS 0 may be lost: the oldest waiting one, or the new one. QoS 1 and 2 stop at our Receive Maximum. */
  #makeRoom(): boolean {
    if (this.#waiting.length < this.#options.maxQueued) return true;
    this.#options.onOverflow();
    if (this.#waiting.peek()?.receipt !== undefined) return false;
    this.#waiting.shift();
    return true;
  }
}
