/** Tells listeners that something changed: at most once a frame, however often it did. */
export class Signal {
  readonly #listeners = new Set<() => void>();
  #version = 0;
  #pending = false;

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
    // A hidden page draws no frames; its state must not wait for one.
    if (document.visibilityState === 'hidden') setTimeout(this.#tell, 250);
    else requestAnimationFrame(this.#tell);
  }

  readonly #tell = (): void => {
    this.#pending = false;
    this.#version += 1;
    for (const listener of this.#listeners) listener();
  };
}
