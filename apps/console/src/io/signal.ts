/** A page that is hidden or covered draws no frames; its state must not wait for one. */
const LONGEST_WAIT_MS = 250;

/** Tells listeners that something changed: at most once a frame, however often it did. */
export class Signal {
  readonly #listeners = new Set<() => void>();
  #version = 0;
  #pending = false;
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Grows with each change that was told: a key for what was worked out from the state. */
  get version(): number {
    return this.#version;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): number => this.#version;

  changed(): void {
    if (this.#pending) return;
    this.#pending = true;
    this.#frame = requestAnimationFrame(this.#tell);
    this.#timer = setTimeout(this.#tell, LONGEST_WAIT_MS);
  }

  readonly #tell = (): void => {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#pending = false;
    this.#version += 1;
    for (const listener of this.#listeners) listener();
  };
}
