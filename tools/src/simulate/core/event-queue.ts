export interface QueuedEvent {
  /** Virtual milliseconds. */
  readonly atMs: number;
  /** Events of one moment happen in the order in which they were planned. */
  readonly order: number;
  readonly run: () => void;
  canceled: boolean;
}

/** What is going to happen, soonest first: a binary heap. */
export class EventQueue {
  readonly #heap: QueuedEvent[] = [];
  #planned = 0;

  get size(): number {
    return this.#heap.length;
  }

  add(atMs: number, run: () => void): QueuedEvent {
    const event: QueuedEvent = { atMs, order: (this.#planned += 1), run, canceled: false };
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
    return event;
  }

  /** The next event that was not canceled, taken out. */
  take(): QueuedEvent | undefined {
    for (;;) {
      const event = this.#pop();
      if (event === undefined || !event.canceled) return event;
    }
  }

  #pop(): QueuedEvent | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: QueuedEvent, b: QueuedEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
