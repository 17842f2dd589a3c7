import type { InboundMessage, Link, Logger, Subscription } from '@shoal/mqtt-link';
import { silentLogger } from '@shoal/mqtt-link';
import type { AgentAddress } from '@shoal/protocol';
import { clientIdOf, describeViolations, discoveryFilter } from '@shoal/protocol';
import type { BrokerTraits, PresenceFeed, StatusOrigin } from '../core/broker-traits.ts';
import { presenceFeed, statusOrigin } from '../core/broker-traits.ts';
import type { AgentPresence, PresencePolicy } from '../core/presence.ts';
import { matchesQuery, type AgentQuery } from '../core/query.ts';
import type { DiscoveryMessage, RegisteredAgent, RegistryChange } from '../core/registered-agent.ts';
import { RegistryIndex } from '../core/registry-index.ts';
import { RegistryError } from '../registry-error.ts';
import { CardReader } from './card-reader.ts';
import type { EmqxApi } from './emqx-api.ts';
import { Listeners } from './listeners.ts';
import { Prober, type ProbeOptions, type ProbeOutcome } from './prober.ts';
import { waitFor, type WaitOptions } from './wait-for.ts';
import { watchQuery, type WatchListener } from './watch-query.ts';

export interface RegistryOptions {
  readonly link: Link;
  /** Unset: all. */
  readonly org?: string;
  /** Unset: all. */
  readonly unit?: string;
  /** When a loss becomes `offline`, and the like. */
  readonly policy?: Partial<PresencePolicy>;
  /** Whether suspects are asked with GetTask, and how. Default: they are. */
  readonly probe?: ProbeOptions | false;
  /** How often cards are read again on a broker that does not tell when presence changes (EMQX). Default 15 000; 0 never. */
  readonly pollMs?: number;
  /** How often all cards are read again everywhere, to mend what was missed. Default 300 000; 0 never. */
  readonly resyncMs?: number;
  /** On a broker whose `$SYS` topics do not tell what it is: wait for stragglers of a snapshot. Default 250. */
  readonly settleMs?: number;
  /** Where there is one, polling asks it instead of reading the cards over MQTT. The owner keeps it. */
  readonly api?: EmqxApi;
  readonly logger?: Logger;
}

export type RegistryEvents = {
  [K in RegistryChange['kind']]: (change: Extract<RegistryChange, { kind: K }>) => void;
};

export interface BrokerInfo {
  readonly software: BrokerTraits['software'] | 'emqx';
  readonly presence: PresenceFeed;
}

export interface Registry {
  /** Resolves when all cards that the broker held are known. Starting twice is fine. */
  start(): Promise<void>;
  /** Stops watching; what is known stays readable. The link stays open. Stopping twice is fine. */
  stop(): Promise<void>;
  /** What was found out about the broker, and how changes of presence come to be known. */
  readonly broker: BrokerInfo;
  /** In the order in which they were first seen. */
  agents(): readonly RegisteredAgent[];
  /** What is known now; nobody is asked. Undefined: it has no card here. */
  get(address: AgentAddress): RegisteredAgent | undefined;
  /** What matches now; nobody is asked. */
  find(query: AgentQuery): readonly RegisteredAgent[];
  /** Returns what stops listening. A listener that throws is logged and disturbs nobody. */
  on<E extends keyof RegistryEvents>(event: E, listener: RegistryEvents[E]): () => void;
  /** Calls at once for every agent that matches, then when one begins to match, changes, or matches no more. Returns what ends it. */
  watch(query: AgentQuery, listener: WatchListener): () => void;
  /** The first agent, known or yet to come, for which the predicate holds. Rejects with RegistryError. */
  waitFor(predicate: (agent: RegisteredAgent) => boolean, options?: WaitOptions): Promise<RegisteredAgent>;
  /** Tells how an agent behaved: it sent something, or did not answer in time. Nothing for one that is not registered. */
  report(address: AgentAddress, what: 'replied' | 'unanswered'): void;
  /** Asks the agent now. Rejects with RegistryError `unknown-agent`, `probe-denied`, `stopped`. */
  probe(address: AgentAddress): Promise<AgentPresence>;
}

/** More topics than these are read all together. */
const MOST_SINGLE_READS = 20;
const VERIFY_MS = 1_000;
const LONGEST_TIMER_MS = 0x7fff_ffff;

/** Watches the retained Agent Cards of a broker and who is alive (profile: Discovery Subscriber, Presence Subscriber). */
export function createRegistry(options: RegistryOptions): Registry {
  return new LinkRegistry(options);
}

class LinkRegistry implements Registry {
  readonly #options: RegistryOptions;
  readonly #link: Link;
  readonly #logger: Logger;
  readonly #index: RegistryIndex;
  readonly #listeners: Listeners;
  readonly #reader: CardReader;
  readonly #prober: Prober | undefined;
  readonly #stopped = new AbortController();
  readonly #stopListening: (() => void)[] = [];
  readonly #origins = new Set<StatusOrigin>();
  readonly #asked = new Map<string, ((outcome: ProbeOutcome | undefined) => void)[]>();
  /** Topics whose live status a broker computed while things were changing: read again. */
  readonly #doubtful = new Set<string>();
  #feed: PresenceFeed = 'wills';
  #starting: Promise<void> | undefined;
  #started = false;
  #syncing: Promise<void> | undefined;
  #subscription: Subscription | undefined;
  #dueTimer: ReturnType<typeof setTimeout> | undefined;
  #dueAtMs: number | undefined;
  #syncTimer: ReturnType<typeof setTimeout> | undefined;
  #verifyTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: RegistryOptions) {
    const { org, unit, link, policy, probe, settleMs = 250, api } = options;
    this.#options = options;
    this.#link = link;
    this.#logger = options.logger ?? silentLogger;
    this.#listeners = new Listeners(this.#logger);
    this.#index = new RegistryIndex({
      ...(policy === undefined ? {} : { policy }),
      canProbe: probe !== false,
    });
    const { signal } = this.#stopped;
    this.#reader = new CardReader({
      link,
      pattern: { org, unit },
      logger: this.#logger,
      signal,
      settleMs,
      api,
    });
    if (probe === false) return;
    this.#prober = new Prober({
      ...probe,
      link,
      logger: this.#logger,
      onOutcome: (address, outcome) => this.#probed(address, outcome),
      onDenied: () => this.#index.stopProbing(),
    });
  }

  get broker(): BrokerInfo {
    const { software } = this.#reader.traits;
    return { software: this.#origins.has('computed') ? 'emqx' : software, presence: this.#feed };
  }

  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async stop(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort(new RegistryError('stopped', 'the registry was stopped'));
    this.#halt();
    for (const stop of this.#stopListening.splice(0)) stop();
    await this.#starting?.catch(() => undefined);
    // Without a connection there is nothing to wait for: the next one takes the subscriptions off the broker.
    await this.#prober?.close();
    await this.#subscription?.close();
    for (const [key, waiting] of this.#asked) {
      this.#asked.delete(key);
      for (const settle of waiting) settle(undefined);
    }
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
    return this.#listeners.on(event, listener);
  }

  watch(query: AgentQuery, listener: WatchListener): () => void {
    return watchQuery(this.find(query), (agent) => matchesQuery(agent, query), this.#listeners, listener);
  }

  waitFor(
    predicate: (agent: RegisteredAgent) => boolean,
    options: WaitOptions = {},
  ): Promise<RegisteredAgent> {
    const known = this.agents().find(predicate);
    if (known !== undefined) return Promise.resolve(known);
    const listen = (check: (agent: RegisteredAgent) => void): (() => void) =>
      this.#listeners.onAny((change) => {
        if (change.kind !== 'invalid' && change.kind !== 'unregistered') check(change.agent);
      });
    return waitFor(listen, predicate, this.#stopped.signal, options);
  }

  report(address: AgentAddress, what: 'replied' | 'unanswered'): void {
    if (this.#stopped.signal.aborted) return;
    this.#tell(
      this.#index.observe(address, { kind: what === 'replied' ? 'reply' : 'unanswered' }, Date.now()),
    );
  }

  async probe(address: AgentAddress): Promise<AgentPresence> {
    const key = clientIdOf(address);
    if (this.#index.get(address) === undefined)
      throw new RegistryError('unknown-agent', `no card of ${key} is known`);
    const prober = this.#prober;
    if (prober === undefined || !this.#index.canProbe)
      throw new RegistryError('probe-denied', 'agents cannot be probed here');
    this.#stopped.signal.throwIfAborted();
    const outcome = await new Promise<ProbeOutcome | undefined>((resolve) => {
      const waiting = this.#asked.get(key);
      if (waiting === undefined) this.#asked.set(key, [resolve]);
      else waiting.push(resolve);
      prober.probe(address);
    });
    this.#stopped.signal.throwIfAborted();
    const presence = this.#index.get(address)?.presence;
    if (outcome === undefined || presence === undefined)
      throw new RegistryError('probe-denied', `${key} could not be asked`);
    return presence;
  }

  async #start(): Promise<void> {
    this.#stopListening.push(
      this.#link.on('online', ({ reconnect }) => {
        if (reconnect && this.#started) void this.#reconnected();
      }),
      this.#link.on('closed', () => this.#halt()),
      this.#link.on('fenced', () => this.#halt()),
    );
    await this.#reader.detect();
    const filter = discoveryFilter({ org: this.#options.org, unit: this.#options.unit });
    this.#subscription = await this.#link.subscribe(filter, (message) => this.#receiveLive(message), {
      qos: 1,
      retainHandling: 2,
    });
    await this.#readAll();
    this.#started = true;
    this.#scheduleSync();
  }

  #halt(): void {
    clearTimeout(this.#dueTimer);
    clearTimeout(this.#syncTimer);
    clearTimeout(this.#verifyTimer);
  }

  /** Perhaps it was only our connection, perhaps the broker was restarted and everyone has to come back. */
  async #reconnected(): Promise<void> {
    this.#index.grace(Date.now() + this.#index.policy.restartGraceMs);
    const { bootId } = this.#reader.traits;
    const traits = await this.#reader.detect().catch(ignore);
    if (traits?.bootId !== undefined && traits.bootId === bootId) this.#index.grace(0);
    await this.#syncing;
    await this.#sync();
  }

  /** Makes what is known complete: after each reconnect and from time to time. One at a time. */
  #sync(): Promise<void> {
    this.#syncing ??= this.#syncOnce().finally(() => {
      this.#syncing = undefined;
      this.#scheduleSync();
      this.#scheduleDue();
    });
    return this.#syncing;
  }

  async #syncOnce(): Promise<void> {
    if (this.#link.state !== 'online' || this.#stopped.signal.aborted) return;
    try {
      await this.#readAll();
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      this.#logger.warn('the registry could not be read; live changes still arrive', {
        error: String(error),
      });
    }
  }

  /** The snapshot tells when that was all, and which agents were unregistered while we were away. */
  async #readAll(): Promise<void> {
    const since = this.#index.messages;
    const topics = await this.#reader.readAll((card) => this.#receive(card), this.#feed === 'polled');
    this.#tell(this.#index.retain(topics, since, Date.now()));
  }

  #scheduleSync(): void {
    clearTimeout(this.#syncTimer);
    if (this.#stopped.signal.aborted || !this.#started) return;
    const { pollMs = 15_000, resyncMs = 300_000 } = this.#options;
    const waitMs = this.#feed === 'polled' && pollMs > 0 ? pollMs : resyncMs;
    if (waitMs === 0) return;
    // With jitter: many watchers start together.
    this.#syncTimer = setTimeout(() => void this.#sync(), waitMs * (0.9 + 0.2 * Math.random()));
  }

  #receiveLive(message: InboundMessage): void {
    this.#receive(message);
    if (this.#feed !== 'polled' || message.payload.length === 0) return;
    // The dying breath of an agent is delivered as online: its status is worked out before its connection is gone.
    this.#doubtful.add(message.topic);
    if (this.#verifyTimer !== undefined) return;
    this.#verifyTimer = setTimeout(() => {
      this.#verifyTimer = undefined;
      void this.#verify();
    }, VERIFY_MS);
  }

  async #verify(): Promise<void> {
    const topics = [...this.#doubtful];
    this.#doubtful.clear();
    if (this.#link.state !== 'online' || this.#stopped.signal.aborted) return;
    if (topics.length > MOST_SINGLE_READS) return this.#sync();
    for (const topic of topics) {
      try {
        await this.#reader.readOne(topic, (card) => this.#receive(card));
      } catch (error) {
        this.#logger.debug('a card could not be read again', { topic, error: String(error) });
      }
    }
  }

  #receive(message: DiscoveryMessage): void {
    if (this.#stopped.signal.aborted) return;
    this.#learn(message);
    this.#tell(this.#index.apply(message, Date.now()));
  }

  #learn(message: DiscoveryMessage): void {
    const origin = statusOrigin(message.userProperties);
    if (this.#origins.has(origin)) return;
    this.#origins.add(origin);
    const feed = presenceFeed(this.#reader.traits, this.#origins);
    if (feed === this.#feed) return;
    this.#feed = feed;
    this.#logger.info('how changes of presence come to be known', { feed });
    this.#scheduleSync();
  }

  #probed(address: AgentAddress, outcome: ProbeOutcome | undefined): void {
    if (outcome !== undefined)
      this.#tell(this.#index.observe(address, { kind: 'probe', outcome }, Date.now()));
    const key = clientIdOf(address);
    const waiting = this.#asked.get(key) ?? [];
    this.#asked.delete(key);
    for (const settle of waiting) settle(outcome);
  }

  #tell(changes: readonly RegistryChange[]): void {
    for (const change of changes) {
      if (change.kind === 'invalid') {
        const { topic, violations } = change;
        this.#logger.warn('an Agent Card cannot be used', {
          topic,
          violations: describeViolations(violations),
        });
      }
      this.#listeners.tell(change);
    }
    this.#scheduleDue();
  }

  #scheduleDue(): void {
    const { dueMs } = this.#index;
    if (dueMs === this.#dueAtMs || this.#stopped.signal.aborted) return;
    clearTimeout(this.#dueTimer);
    this.#dueAtMs = dueMs;
    if (dueMs === undefined) return;
    const waitMs = Math.min(Math.max(0, dueMs - Date.now()), LONGEST_TIMER_MS);
    this.#dueTimer = setTimeout(() => this.#due(), waitMs);
  }

  #due(): void {
    this.#dueAtMs = undefined;
    // Without a connection nothing is learnt, and silence means nothing: the next sync goes on.
    if (this.#link.state !== 'online') return;
    const nowMs = Date.now();
    for (const address of this.#index.dueProbes(nowMs)) this.#prober?.probe(address);
    this.#tell(this.#index.tick(nowMs));
  }
}

function ignore(): undefined {}
