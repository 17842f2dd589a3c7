interface Batch<T> {
  readonly changes: T[];
  readonly done: Promise<void>;
  readonly settle: (error?: unknown) => void;
}

/** Makes one write of all that comes while the write before it is under way: a flush to the disk costs the same for many. */
export class GroupCommit<T> {
  readonly #write: (changes: readonly T[]) => Promise<void>;
  #next: Batch<T> | undefined;
  #writing: Promise<void> | undefined;

  constructor(write: (changes: readonly T[]) => Promise<void>) {
    this.#write = write;
  }

  /** Resolves when the change is written, and rejects when its write failed. */
  add(change: T): Promise<void> {
    this.#next ??= newBatch();
    this.#next.changes.push(change);
    const { done } = this.#next;
    this.#writing ??= this.#run();
    return done;
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #run(): Promise<void> {
    // What is added in this turn of the event loop goes together.
    await Promise.resolve();
    while (this.#next !== undefined) {
      const { changes, settle } = this.#next;
      this.#next = undefined;
      await this.#write(changes).then(() => settle(), settle);
    }
    this.#writing = undefined;
  }
}

function newBatch<T>(): Batch<T> {
  let settle: (error?: unknown) => void = () => undefined;
  const done = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error));
  });
  return { changes: [], done, settle };
}
