export type MaybePromise<T> = T | Promise<T>;

export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return value instanceof Promise;
}

/** Runs what belongs to one key in turn. Synchronous work on a free key costs no promise. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<unknown>>();

  run<T>(key: string, work: () => MaybePromise<T>): MaybePromise<T> {
    const before = this.#tails.get(key);
    const result = before === undefined ? work() : before.then(work, work);
    if (!isPromise(result)) return result;
    const tail = result.then(ignore, ignore);
    this.#tails.set(key, tail);
    void tail.finally(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    return result;
  }

  get size(): number {
    return this.#tails.size;
  }
}

function ignore(): void {
  // The caller holds the result; the tail only keeps the order.
}

/** Goes on at once when the value is there: a promise would cost a turn of the event loop. */
export function whenReady<T, R>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<R>,
): MaybePromise<R> {
  return isPromise(value) ? (async () => next(await value))() : next(value);
}
