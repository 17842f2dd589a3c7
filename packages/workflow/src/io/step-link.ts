import {
  isLinkError,
  LinkError,
  type BrokerFeatures,
  type Link,
  type LinkEvents,
  type LinkState,
  type LinkTransport,
  type MessageHandler,
  type PublishAck,
  type PublishOptions,
  type SubscribeOptions,
  type Subscription,
} from '@shoal/mqtt-link';

/** Work that takes longer gets a connection of its own. */
export const QUICK_MS = 50;

export interface StepLinkOptions {
  /** The connection of the process. Fenced, and never online again once lost. */
  readonly shared: Link;
  /** Of the connection of its own. */
  readonly clientId: string;
  /** Opens the connection of its own: looks first, and connects as the step. Rejects with LinkError. */
  readonly openOwn: (signal: AbortSignal) => Promise<Link>;
}

type Listeners = { [E in keyof LinkEvents]?: Set<LinkEvents[E]> };

/**
 * The link of one instance: at first the connection that its process shares, from `promote` on one of its own. To its instance the change
 * is a lost connection that came back: it reads its records again before it goes on. What is to be subscribed needs one of its own.
 */
export class StepLink implements Link {
  readonly #options: StepLinkOptions;
  readonly #listeners: Listeners = {};
  #abort: AbortController | undefined;
  readonly #stopListening: (() => void)[] = [];
  /** Publishes over the shared connection that are not acknowledged. */
  readonly #onTheirWay = new Set<Promise<unknown>>();
  #own: Link | undefined;
  #promotion: Promise<void> | undefined;
  /** `changing`: over the shared connection nothing more is written, and over the other nothing yet. */
  #phase: 'shared' | 'changing' | 'own' | 'ended' = 'shared';

  constructor(options: StepLinkOptions) {
    this.#options = options;
    for (const event of ['fenced', 'closed'] as const)
      this.#stopListening.push(options.shared.on(event, () => this.#onSharedLost()));
    if (options.shared.state !== 'online') this.#onSharedLost();
  }

  /** It writes over the connection of its process. */
  get isShared(): boolean {
    return this.#phase === 'shared';
  }

  get clientId(): string {
    return this.#options.clientId;
  }

  get transport(): LinkTransport {
    return this.#options.shared.transport;
  }

  get broker(): BrokerFeatures | undefined {
    return (this.#own ?? this.#options.shared).broker;
  }

  get retainedCount(): number {
    return this.#own?.retainedCount ?? 0;
  }

  get state(): LinkState {
    if (this.#phase === 'ended') return 'closed';
    if (this.#phase === 'changing') return 'offline';
    return (this.#own ?? this.#options.shared).state;
  }

  async publish(topic: string, payload: Uint8Array | string, options?: PublishOptions): Promise<PublishAck> {
    if (this.#phase === 'ended') throw new LinkError('closed', 'the link is closed');
    if (this.#phase === 'changing') throw new LinkError('not-connected', 'the connection is being changed');
    if (this.#own !== undefined) return this.#own.publish(topic, payload, options);
    const published = this.#options.shared.publish(topic, payload, options);
    this.#onTheirWay.add(published);
    try {
      return await published;
    } finally {
      this.#onTheirWay.delete(published);
    }
  }

  async subscribe(
    filter: string,
    handler: MessageHandler,
    options?: SubscribeOptions,
  ): Promise<Subscription> {
    await this.promote();
    if (this.#own === undefined) throw new LinkError('closed', 'the link is closed');
    return this.#own.subscribe(filter, handler, options);
  }

  on<E extends keyof LinkEvents>(event: E, listener: LinkEvents[E]): () => void {
    const listeners: Set<LinkEvents[E]> = (this.#listeners[event] as Set<LinkEvents[E]>) ?? new Set();
    Object.assign(this.#listeners, { [event]: listeners.add(listener) });
    return () => void listeners.delete(listener);
  }

  /** From now on over a connection of its own. Resolves when that is so, or never will be; asking twice is fine. */
  promote(): Promise<void> {
    this.#promotion ??= this.#promote().catch((error: unknown) => {
      if (this.#phase === 'ended') return;
      this.#end();
      if (isLinkError(error, 'fenced')) this.#emit('fenced', {});
      else this.#emit('closed');
    });
    return this.#promotion;
  }

  async #promote(): Promise<void> {
    if (this.#phase === 'ended') return;
    this.#abort = new AbortController();
    const own = await this.#options.openOwn(this.#abort.signal);
    if (this.#isEnded()) return own.close();
    if (this.#phase === 'shared') {
      this.#phase = 'changing';
      this.#emit('offline', {});
    }
    // What is still on its way over the one must not come after anything over the other.
    await Promise.allSettled(this.#onTheirWay);
    if (this.#isEnded()) return own.close();
    for (const stop of this.#stopListening.splice(0)) stop();
    this.#own = own;
    this.#phase = 'own';
    for (const event of ['online', 'offline', 'fenced', 'closed', 'error'] as const)
      this.#stopListening.push(
        own.on(event, (...info: unknown[]) => this.#emit(event, ...(info as [never]))),
      );
    if (own.state === 'online') this.#emit('online', { sessionPresent: false, reconnect: true });
    else if (own.state === 'fenced') this.#emit('fenced', {});
    else if (own.state === 'closed') this.#emit('closed');
  }

  async close(options?: { readonly reasonCode?: number; readonly timeoutMs?: number }): Promise<void> {
    const own = this.#own;
    this.#end();
    await own?.close(options);
  }

  destroy(): void {
    this.#own?.destroy();
    this.#end();
  }

  #isEnded(): boolean {
    return this.#phase === 'ended';
  }

  /** As any connection that is lost: it looks, and goes on over another one if it still counts. */
  #onSharedLost(): void {
    if (this.#phase !== 'shared') return;
    this.#phase = 'changing';
    this.#emit('offline', {});
    void this.promote();
  }

  #end(): void {
    this.#phase = 'ended';
    this.#abort?.abort();
    for (const stop of this.#stopListening.splice(0)) stop();
  }

  #emit<E extends keyof LinkEvents>(event: E, ...info: Parameters<LinkEvents[E]>): void {
    for (const listener of this.#listeners[event] ?? []) (listener as (...args: unknown[]) => void)(...info);
  }
}
