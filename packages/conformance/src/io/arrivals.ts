/** Things that arrive, in order, and those who wait for them. */
export class Arrivals<T> {
  readonly items: T[] = [];
  readonly #waiting = new Set<() => void>();

  push(item: T): void {
    this.items.push(item);
    for (const wake of this.#waiting) wake();
  }

  /** The first item from index `from` on that matches, there already or yet to come; undefined when none comes in time. */
  async find(matches: (item: T) => boolean, timeoutMs: number, from = 0): Promise<T | undefined> {
    const deadline = performance.now() + timeoutMs;
    for (let index = from; ; index += 1) {
      if (index >= this.items.length && !(await this.#beyond(index, deadline))) return undefined;
      const item = this.items[index] as T;
      if (matches(item)) return item;
    }
  }

  async #beyond(index: number, deadline: number): Promise<boolean> {
    while (this.items.length <= index) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, leftMs);
        this.#waiting.add(wake);
      });
    }
    return true;
  }
}
