import type { LinkEvents, Logger } from '../link.ts';

type Listener = (info: never) => void;

/** Listeners of a link. One that throws is logged and harms nobody else. */
export class LinkEmitter {
  readonly #listeners = new Map<keyof LinkEvents, Set<Listener>>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  on<E extends keyof LinkEvents>(event: E, listener: LinkEvents[E]): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    // A wrapper, so that the same function can listen twice and each is taken away by its own call.
    const own: Listener = (info) => (listener as Listener)(info);
    listeners.add(own);
    return () => void listeners.delete(own);
  }

  emit<E extends keyof LinkEvents>(event: E, ...info: Parameters<LinkEvents[E]>): void {
    for (const listener of Array.from(this.#listeners.get(event) ?? [])) {
      try {
        (listener as (...args: unknown[]) => void)(...info);
      } catch (error) {
        this.#logger.error(`a listener of "${event}" threw`, { error });
      }
    }
  }
}
