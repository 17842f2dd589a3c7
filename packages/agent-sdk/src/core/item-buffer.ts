/** A bounded line between one writer and one reader: what came before the end is read before the end. */
export class ItemBuffer<T> {
  readonly #items: T[] = [];
  readonly #capacity: number;
  #waiting:
    | { resolve: (result: IteratorResult<T, undefined>) => void; reject: (error: unknown) => void }
    | undefined;
  #end: { readonly error?: unknown } | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#items.length;
  }

  /** False when the item does not fit; it is not taken then. `last`: taken all the same. */
  push(item: T, last = false): boolean {
    if (this.#end !== undefined) return true;
    if (this.#waiting !== undefined) {
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      resolve({ done: false, value: item });
      return true;
    }
    if (this.#items.length >= this.#capacity && !last) return false;
    this.#items.push(item);
    return true;
  }

  /** The first call decides how it ends. */
  end(failure?: { readonly error: unknown }): void {
    if (this.#end !== undefined) return;
    this.#end = failure ?? {};
    if (this.#waiting === undefined) return;
    const { resolve, reject } = this.#waiting;
    this.#waiting = undefined;
    if (failure === undefined) resolve({ done: true, value: undefined });
    else {
      this.#end = {};
      reject(failure.error);
    }
  }

  /** One reader at a time. */
  next(): Promise<IteratorResult<T, undefined>> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve({ done: false, value: item });
    if (this.#end === undefined) {
      return new Promise((resolve, reject) => {
        this.#waiting = { resolve, reject };
      });
    }
    const end = this.#end;
    this.#end = {};
    return 'error' in end ? Promise.reject(end.error) : Promise.resolve({ done: true, value: undefined });
  }
}
