import { unref } from './platform.ts';

export interface Timed {
  /** `performance.now()` when the wait ends; Infinity: never. */
  deadlineMs: number;
}

/**
 * Deadlines of many short waits on one timer. Nearly all waits end long before their deadline, so the timer is set for the nearest
 * one and looks at what still waits when it fires; a timer for each would be set and cleared for every message.
 */
export class Deadlines<T extends Timed> {
  readonly #waiting: () => Iterable<T>;
  readonly #onDeadline: (item: T) => void;
  #timer: NodeJS.Timeout | undefined;
  #firesAtMs = Infinity;

  /** `waiting`: all that wait, in any order. `onDeadline` must take the item out of it or set its deadline anew. */
  constructor(waiting: () => Iterable<T>, onDeadline: (item: T) => void) {
    this.#waiting = waiting;
    this.#onDeadline = onDeadline;
  }

  /** 0 is no deadline. */
  start(item: T, timeoutMs: number): void {
    if (timeoutMs <= 0) return;
    item.deadlineMs = performance.now() + timeoutMs;
    if (item.deadlineMs < this.#firesAtMs) this.#arm(item.deadlineMs);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#firesAtMs = Infinity;
  }

  #arm(deadlineMs: number): void {
    clearTimeout(this.#timer);
    this.#firesAtMs = deadlineMs;
    this.#timer = setTimeout(() => this.#look(), Math.max(1, Math.ceil(deadlineMs - performance.now())));
    // A link that is open keeps the process by its socket or its next attempt to connect; one that is closed must not.
    unref(this.#timer);
  }

  #look(): void {
    this.#firesAtMs = Infinity;
    const now = performance.now();
    const due: T[] = [];
    let next = Infinity;
    for (const item of this.#waiting()) {
      if (item.deadlineMs <= now) due.push(item);
      else if (item.deadlineMs < next) next = item.deadlineMs;
    }
    if (next < Infinity) this.#arm(next);
    for (const item of due) this.#onDeadline(item);
  }
}
