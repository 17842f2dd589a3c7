/** Lets one loop sleep until something changed. A change while nobody sleeps is kept. */
export class Notifier {
  #pending = false;
  #wake: (() => void) | undefined;

  notify(): void {
    this.#pending = true;
    this.#wake?.();
  }

  /** Resolves at the next change (or one since the last wait), at `untilMs`, or when `signal` aborts. */
  async wait(untilMs: number | undefined, now: () => number, signal?: AbortSignal): Promise<void> {
    if (!this.#pending && signal?.aborted !== true) {
      // Timers take at most 2^31 - 1 ms; waking early is harmless.
      const delayMs =
        untilMs === undefined ? undefined : Math.min(Math.max(0, untilMs - now()), 2_000_000_000);
      await new Promise<void>((resolve) => {
        const timer = delayMs === undefined ? undefined : setTimeout(done, delayMs);
        function done(): void {
          clearTimeout(timer);
          signal?.removeEventListener('abort', done);
          resolve();
        }
        signal?.addEventListener('abort', done);
        this.#wake = done;
      });
      this.#wake = undefined;
    }
    this.#pending = false;
  }
}
