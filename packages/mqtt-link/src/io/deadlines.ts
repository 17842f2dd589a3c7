export interface Timed {
  deadlineMs: number;
}

/**
 * Deadlines of many short waits on one timer. Nearly all waits end long before their deadline, so the timer is set once for
 * the nearest one and looks again when it fires; a timer for each would be set and cleared for every message.
 */
export class Deadlines<T extends Timed> {
  readonly #items = new Set<T>();
  readonly #onDeadline: (item: T) => void;
  #timer: NodeJS.Timeout | undefined;
  #firesAtMs = Infinity;

  constructor(onDeadline: (item: T) => void) {
    this.#onDeadline = onDeadline;
  }

  /** 0 is no deadline. */
  add(item: T, timeoutMs: number): void {
    if (timeoutMs <= 0) return;
    item.deadlineMs = performance.now() + timeoutMs;
    this.#items.add(item);
    if (item.deadlineMs < this.#firesAtMs) this.#arm(item.deadlineMs);
  }

  delete(item: T): void {
    this.#items.delete(item);
  }

  clear(): void {
    this.#items.clear();
    clearTimeout(this.#timer);
    this.#firesAtMs = Infinity;
  }

  #arm(deadlineMs: number): void {
    clearTimeout(this.#timer);
    this.#firesAtMs = deadlineMs;
    this.#timer = setTimeout(() => this.#look(), Math.max(1, Math.ceil(deadlineMs - performance.now())));
  }

  #look(): void {
    this.#firesAtMs = Infinity;
    const now = performance.now();
    const due: T[] = [];
    let next = Infinity;
    for (const item of this.#items) {
      if (item.deadlineMs <= now) due.push(item);
      else if (item.deadlineMs < next) next = item.deadlineMs;
    }
    for (const item of due) this.#items.delete(item);
    if (next < Infinity) this.#arm(next);
    for (const item of due) this.#onDeadline(item);
  }
}
