import type { SessionAddress } from '@shoal/protocol';
import {
  emptyView,
  type ExpectedRecord,
  type SessionView,
  type SourceHooks,
  type SourceWatch,
} from '@shoal/workflow';

export interface WatchersOptions {
  readonly viewOf: (sessionId: string) => SessionView | undefined;
  /** Resolves when whatever the broker held at the call is in the views. */
  readonly fresh: () => Promise<void>;
  readonly expect: SourceWatch['expect'];
}

/** Instances of this process that watch their sessions through the views of its supervisor. */
export class SessionWatchers {
  readonly #options: WatchersOptions;
  readonly #watchers = new Map<string, Set<SourceHooks>>();

  constructor(options: WatchersOptions) {
    this.#options = options;
  }

  watch(address: SessionAddress, hooks: SourceHooks): SourceWatch {
    const { sessionId } = address;
    const all = this.#watchers.get(sessionId) ?? new Set();
    if (all.size === 0) this.#watchers.set(sessionId, all);
    all.add(hooks);
    return new Watcher(address, this.#options, () => {
      all.delete(hooks);
      if (all.size === 0 && this.#watchers.get(sessionId) === all) this.#watchers.delete(sessionId);
    });
  }

  onRecord(sessionId: string): void {
    for (const { onChange } of this.#watchers.get(sessionId) ?? []) onChange();
  }

  /** The records were read anew, from a broker that may have lost some. */
  reread(): void {
    for (const all of this.#watchers.values()) for (const { onChange } of all) onChange();
  }

  /** Nothing more will be read. */
  end(): void {
    const ended = [...this.#watchers.values()].flatMap((all) => [...all]);
    this.#watchers.clear();
    for (const { onEnd } of ended) onEnd();
  }
}

class Watcher implements SourceWatch {
  readonly #address: SessionAddress;
  readonly #options: WatchersOptions;
  readonly close: () => void;
  #gone: SessionView | undefined;

  constructor(address: SessionAddress, options: WatchersOptions, close: () => void) {
    this.#address = address;
    this.#options = options;
    this.close = close;
  }

  get view(): SessionView {
    return this.#options.viewOf(this.#address.sessionId) ?? (this.#gone ??= emptyView(this.#address));
  }

  async sync(): Promise<SessionView> {
    await this.#options.fresh();
    return this.view;
  }

  expect(topic: string, bytes: Uint8Array, record: unknown): ExpectedRecord {
    return this.#options.expect(topic, bytes, record);
  }
}
