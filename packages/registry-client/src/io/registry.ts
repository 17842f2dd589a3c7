import type { InboundMessage, Link, Logger, Subscription } from '@shoal/mqtt-link';
import { readRetained, silentLogger } from '@shoal/mqtt-link';
import type { AgentAddress } from '@shoal/protocol';
import { describeViolations, discoveryFilter } from '@shoal/protocol';
import type { AgentQuery } from '../core/query.ts';
import { RegistryIndex } from '../core/registry-index.ts';
import type { RegisteredAgent, RegistryChange } from '../core/registry-index.ts';
import { RegistryError } from '../registry-error.ts';

export interface RegistryOptions {
  readonly link: Link;
  /** Unset: all. */
  readonly org?: string;
  /** Unset: all. */
  readonly unit?: string;
  readonly logger?: Logger;
}

export type RegistryEvents = {
  [K in RegistryChange['kind']]: (change: Extract<RegistryChange, { kind: K }>) => void;
};

export interface WaitOptions {
  readonly signal?: AbortSignal;
  /** Default 30 000; 0 waits for ever. */
  readonly timeoutMs?: number;
}

export interface Registry {
  /** Resolves when all cards that the broker held are known. Starting twice is fine. */
  start(): Promise<void>;
  /** Stops watching; what is known stays readable. The link stays open. Stopping twice is fine. */
  stop(): Promise<void>;
  /** In the order in which they were first seen. */
  agents(): readonly RegisteredAgent[];
  get(address: AgentAddress): RegisteredAgent | undefined;
  find(query: AgentQuery): readonly RegisteredAgent[];
  /** Returns what stops listening. A listener that throws is logged and disturbs nobody. */
  on<E extends keyof RegistryEvents>(event: E, listener: RegistryEvents[E]): () => void;
  /** The first agent, known or yet to come, for which the predicate holds. Rejects with RegistryError. */
  waitFor(predicate: (agent: RegisteredAgent) => boolean, options?: WaitOptions): Promise<RegisteredAgent>;
}

const DEFAULT_WAIT_MS = 30_000;

/** Watches the retained Agent Cards of a broker and who is alive (profile: Discovery Subscriber). */
export function createRegistry(options: RegistryOptions): Registry {
  return new LinkRegistry(options);
}

class LinkRegistry implements Registry {
  readonly #link: Link;
  readonly #logger: Logger;
  readonly #filter: string;
  readonly #index = new RegistryIndex();
  readonly #listeners = new Map<keyof RegistryEvents, Set<(change: never) => void>>();
  readonly #waiting = new Set<(agent: RegisteredAgent) => void>();
  readonly #stopped = new AbortController();
  #starting: Promise<void> | undefined;
  #subscription: Subscription | undefined;
  #stopListening: (() => void) | undefined;

  constructor(options: RegistryOptions) {
    const { org, unit } = options;
    this.#link = options.link;
    this.#logger = options.logger ?? silentLogger;
    this.#filter = discoveryFilter({ org, unit });
  }

  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async stop(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort(new RegistryError('stopped', 'the registry was stopped'));
    this.#stopListening?.();
    await this.#starting?.catch(() => undefined);
    if (this.#link.state === 'online') await this.#subscription?.close();
  }

  agents(): readonly RegisteredAgent[] {
    return [...this.#index.agents()];
  }

  get(address: AgentAddress): RegisteredAgent | undefined {
    return this.#index.get(address);
  }

  find(query: AgentQuery): readonly RegisteredAgent[] {
    return this.#index.find(query);
  }

  on<E extends keyof RegistryEvents>(event: E, listener: RegistryEvents[E]): () => void {
    let listeners = this.#listeners.get(event);
    if (listeners === undefined) this.#listeners.set(event, (listeners = new Set()));
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  waitFor(
    predicate: (agent: RegisteredAgent) => boolean,
    options: WaitOptions = {},
  ): Promise<RegisteredAgent> {
    const known = this.agents().find(predicate);
    if (known !== undefined) return Promise.resolve(known);
    const { signal, timeoutMs = DEFAULT_WAIT_MS } = options;
    return new Promise((resolve, reject) => {
      const check = (agent: RegisteredAgent): void => {
        if (predicate(agent)) end(() => resolve(agent));
      };
      const onAbort = (): void =>
        end(() => reject(new RegistryError('aborted', 'the wait was aborted', { cause: signal?.reason })));
      const onStop = (): void => end(() => reject(new RegistryError('stopped', 'the registry was stopped')));
      const onTimeout = (): void =>
        end(() => reject(new RegistryError('wait-timeout', `no such agent came within ${timeoutMs} ms`)));
      const timer = timeoutMs === 0 ? undefined : setTimeout(onTimeout, timeoutMs);
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#stopped.signal.removeEventListener('abort', onStop);
        this.#waiting.delete(check);
        settle();
      };
      if (signal?.aborted === true) return onAbort();
      if (this.#stopped.signal.aborted) return onStop();
      signal?.addEventListener('abort', onAbort);
      this.#stopped.signal.addEventListener('abort', onStop);
      this.#waiting.add(check);
      return undefined;
    });
  }

  async #start(): Promise<void> {
    this.#subscription = await this.#link.subscribe(this.#filter, (message) => this.#receive(message), {
      qos: 1,
    });
    this.#stopListening = this.#link.on('online', ({ reconnect }) => {
      if (reconnect) void this.#resync();
    });
    await this.#resync();
  }

  /**
   * Makes what is known complete: after start and after each reconnect. The subscription brings every card by itself; only the
   * snapshot tells when that was all, and which agents were unregistered while we were away.
   */
  async #resync(): Promise<void> {
    try {
      const since = this.#index.messages;
      const cards = await readRetained(this.#link, this.#filter, { signal: this.#stopped.signal });
      for (const message of cards.values()) this.#receive(message);
      this.#publish(this.#index.retain(new Set(cards.keys()), since));
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      if (this.#starting !== undefined && this.#stopListening === undefined) throw error;
      this.#logger.warn('the registry could not be read; live changes still arrive', {
        filter: this.#filter,
        error: String(error),
      });
    }
  }

  #receive(message: InboundMessage): void {
    if (this.#stopped.signal.aborted) return;
    this.#publish(this.#index.apply(message, new Date().toISOString()));
  }

  #publish(changes: readonly RegistryChange[]): void {
    for (const change of changes) {
      if (change.kind === 'invalid') {
        const { topic, violations } = change;
        this.#logger.warn('an Agent Card cannot be used', {
          topic,
          violations: describeViolations(violations),
        });
      }
      for (const listener of this.#listeners.get(change.kind) ?? []) this.#tell(listener, change);
      if (change.kind === 'invalid' || change.kind === 'unregistered') continue;
      for (const check of this.#waiting) this.#tell(check, change.agent);
    }
  }

  #tell(listener: (value: never) => void, value: unknown): void {
    try {
      listener(value as never);
    } catch (error) {
      this.#logger.error('a listener of the registry threw', { error: String(error) });
    }
  }
}
