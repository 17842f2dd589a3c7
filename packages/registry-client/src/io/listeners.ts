import type { Logger } from '@shoal/mqtt-link';
import type { RegistryChange } from '../core/registered-agent.ts';

export type ChangeListener<C extends RegistryChange = RegistryChange> = (change: C) => void;

/** Who is told of changes. A listener that throws is logged and disturbs nobody. */
export class Listeners {
  readonly #byKind = new Map<RegistryChange['kind'], Set<ChangeListener<never>>>();
  readonly #all = new Set<ChangeListener>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  on<K extends RegistryChange['kind']>(
    kind: K,
    listener: ChangeListener<Extract<RegistryChange, { kind: K }>>,
  ): () => void {
    let listeners = this.#byKind.get(kind);
    if (listeners === undefined) this.#byKind.set(kind, (listeners = new Set()));
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  onAny(listener: ChangeListener): () => void {
    this.#all.add(listener);
    return () => void this.#all.delete(listener);
  }

  tell(change: RegistryChange): void {
    for (const listener of this.#byKind.get(change.kind) ?? [])
      this.#call(listener as ChangeListener, change);
    for (const listener of this.#all) this.#call(listener, change);
  }

  #call(listener: ChangeListener, change: RegistryChange): void {
    try {
      listener(change);
    } catch (error) {
      this.#logger.error('a listener of the registry threw', { error: String(error) });
    }
  }
}
