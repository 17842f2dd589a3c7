/** Lets callers wait for a session's outcome, each with a limit. */
export class Waiters {
  readonly #waiting = new Map<string, Set<() => void>>();

  notify(key: string): void {
    for (const wake of this.#waiting.get(key) ?? []) wake();
  }

  /** Resolves at `notify(key)` or after `timeoutMs`, whichever is first. */
  async wait(key: string, timeoutMs: number): Promise<void> {
    const set = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, set);
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        set.delete(done);
        if (set.size === 0) this.#waiting.delete(key);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      set.add(done);
    });
  }
}
