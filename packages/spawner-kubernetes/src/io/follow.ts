import { Watch, type KubeConfig } from '@kubernetes/client-node';
import { statusOf } from './api-error.ts';

export interface Followed {
  readonly metadata?: { readonly name?: string; readonly resourceVersion?: string };
}

export interface FollowOptions<T extends Followed> {
  readonly config: KubeConfig;
  /** As `/apis/batch/v1/namespaces/default/jobs`. */
  readonly path: string;
  readonly labelSelector: string;
  readonly list: () => Promise<{ items: T[]; metadata?: { resourceVersion?: string } }>;
  /** Before each list: what is known then and is not in the list has gone. */
  readonly onLists: () => void;
  readonly onListed: (items: readonly T[]) => void;
  readonly onChange: (item: T) => void;
  readonly onRemoved: (item: T) => void;
  readonly onFailure: (error: unknown) => void;
  /** A watch is asked for again after so long: one whose connection broke unheard is silent for no longer. */
  readonly watchSeconds: number;
}

/** Pause after a failure; doubles up to the longest. */
const AGAIN_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
/** So that a server that ends each watch at once is not asked without a pause. */
const BETWEEN_WATCHES_MS = 50;
/** For the server's own end of a watch, before it is broken off from this side. */
const WATCH_GRACE_MS = 5_000;

type WatchEnd = 'closed' | 'expired';

/** Lists what a selector finds and then watches it, for ever: again where a watch ended, and from a new list where that is too long ago. */
export class Follower<T extends Followed> {
  readonly #options: FollowOptions<T>;
  readonly #stop = new AbortController();

  constructor(options: FollowOptions<T>) {
    this.#options = options;
  }

  /** Resolves after the first list, and follows on. Rejects when that cannot be had. */
  async start(): Promise<void> {
    const version = await this.#list();
    void this.#follow(version);
  }

  stop(): void {
    this.#stop.abort();
  }

  async #list(): Promise<string> {
    this.#options.onLists();
    const { items, metadata } = await this.#options.list();
    if (!this.#stop.signal.aborted) this.#options.onListed(items);
    return metadata?.resourceVersion ?? '';
  }

  async #follow(first: string): Promise<void> {
    let version: string | undefined = first;
    let pauseMs = AGAIN_MS;
    while (!this.#stop.signal.aborted) {
      try {
        version ??= await this.#list();
        const { end, seen } = await this.#watch(version);
        version = end === 'expired' ? undefined : seen;
        pauseMs = AGAIN_MS;
        await this.#pause(BETWEEN_WATCHES_MS);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        if (statusOf(error) === 410) version = undefined;
        else this.#options.onFailure(error);
        await this.#pause(pauseMs);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      }
    }
  }

  /** Until the watch ends. Rejects when it cannot be had. */
  #watch(from: string): Promise<{ end: WatchEnd; seen: string }> {
    const { config, path, labelSelector, watchSeconds } = this.#options;
    return new Promise((resolve, reject) => {
      let seen = from;
      let end: WatchEnd = 'closed';
      let thrown: unknown;
      const query = {
        labelSelector,
        resourceVersion: from,
        allowWatchBookmarks: true,
        timeoutSeconds: watchSeconds,
      };
      let abort: (() => void) | undefined;
      const late = setTimeout(() => abort?.(), watchSeconds * 1_000 + WATCH_GRACE_MS);
      late.unref();
      const onStop = (): void => abort?.();
      this.#stop.signal.addEventListener('abort', onStop);
      const done = (error: Error | null | undefined): void => {
        clearTimeout(late);
        this.#stop.signal.removeEventListener('abort', onStop);
        if (thrown !== undefined) reject(thrown);
        else if (error === null || error === undefined || error.name === 'AbortError') resolve({ end, seen });
        else reject(error);
      };
      const onEvent = (type: string, item: T & { code?: number }): void => {
        if (type === 'ERROR') {
          // Any error in a watch, and not only 410, is mended by a new list.
          end = 'expired';
          abort?.();
          return;
        }
        if (this.#stop.signal.aborted || thrown !== undefined) return;
        try {
          if (type === 'DELETED') this.#options.onRemoved(item);
          else if (type === 'ADDED' || type === 'MODIFIED') this.#options.onChange(item);
          seen = item.metadata?.resourceVersion ?? seen;
        } catch (error) {
          // The client would drop it without a word. The watch begins again here.
          thrown = error;
          abort?.();
        }
      };
      const begin = async (): Promise<void> => {
        try {
          const controller = await new Watch(config).watch(path, query, onEvent, done);
          abort = () => controller.abort();
          if (this.#stop.signal.aborted || end === 'expired' || thrown !== undefined) abort();
        } catch (error) {
          done(error as Error);
        }
      };
      void begin();
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      timer.unref();
      this.#stop.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}
