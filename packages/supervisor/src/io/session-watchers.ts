import type { parseShoalTopic } from '@shoal/protocol';
import {
  copyRecord,
  copyView,
  emptyView,
  type SessionView,
  type SourceHooks,
  type SourceWatch,
} from '@shoal/workflow';

type Address = Pick<SessionView, 'org' | 'unit' | 'sessionId'>;

interface Watcher {
  readonly hooks: SourceHooks;
  view: SessionView;
}

export interface WatchersOptions {
  readonly viewOf: (sessionId: string) => SessionView | undefined;
  /** Resolves when whatever the broker held at the call is in the views. */
  readonly fresh: () => Promise<void>;
  readonly expect: SourceWatch['expect'];
}

/** Instances of this process that watch their sessions through the views of its supervisor: each has a view of its own. */
export class SessionWatchers {
  readonly #options: WatchersOptions;
  readonly #watchers = new Map<string, Set<Watcher>>();

  constructor(options: WatchersOptions) {
    this.#options = options;
  }

  watch(address: Address, hooks: SourceHooks): SourceWatch {
    const watcher: Watcher = { hooks, view: this.#copyOf(address) };
    const { sessionId } = address;
    const all = this.#watchers.get(sessionId) ?? new Set();
    this.#watchers.set(sessionId, all.add(watcher));
    return {
      get view() {
        return watcher.view;
      },
      sync: async () => {
        await this.#options.fresh();
        return watcher.view;
      },
      expect: this.#options.expect,
      close: () => {
        all.delete(watcher);
        if (all.size === 0 && this.#watchers.get(sessionId) === all) this.#watchers.delete(sessionId);
      },
    };
  }

  onRecord(view: SessionView, at: NonNullable<ReturnType<typeof parseShoalTopic>>): void {
    for (const watcher of this.#watchers.get(view.sessionId) ?? []) {
      copyRecord(view, watcher.view, at);
      watcher.hooks.onChange();
    }
  }

  /** The records were read anew, from a broker that may have lost some. */
  reread(): void {
    for (const all of this.#watchers.values())
      for (const watcher of all) {
        watcher.view = this.#copyOf(watcher.view);
        watcher.hooks.onChange();
      }
  }

  /** Nothing more will be read. */
  end(): void {
    const ended = [...this.#watchers.values()].flatMap((all) => [...all]);
    this.#watchers.clear();
    for (const { hooks } of ended) hooks.onEnd();
  }

  #copyOf(address: Address): SessionView {
    return copyView(this.#options.viewOf(address.sessionId) ?? emptyView(address));
  }
}
