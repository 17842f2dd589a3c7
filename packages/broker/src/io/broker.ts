import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';

import type { Context } from '../core/context.ts';
import { createEngine, type Engine } from '../core/engine.ts';
import { noJournal } from '../core/journal.ts';
import { Registry } from '../core/registry/registry.ts';
import { agentReplyTopic } from '../core/response-information.ts';
import type { ClientIdentity } from '../core/session.ts';
import { assertSomebodyMayConnect, authorizeOf } from './auth/defaults.ts';
import { createDoor } from './auth/door.ts';
import { BrokerError } from './broker-error.ts';
import type {
  Broker,
  BrokerAddresses,
  BrokerOptions,
  BrokerStats,
  LiveChanges,
  RegistrySettings,
  StopOptions,
} from './broker-options.ts';
import { CardTrust } from './card-trust.ts';
import { openGate, type CommitGate } from './commit-gate.ts';
import { Flusher } from './flusher.ts';
import { openManagement } from './http/management.ts';
import { formatMetrics } from './http/metrics.ts';
import type { Phase } from './http/service-routes.ts';
import { defaultLimits, emqxLimits, type BrokerLimits } from './limits.ts';
import { Listening } from './listening.ts';
import { silentLogger, type Logger } from './logger.ts';
import { Measurements } from './measurements.ts';
import { createRegistryAdmin, type RegistryAdmin } from './registry-admin.ts';
import { Server } from './server.ts';
import { statisticsTopics } from './statistics.ts';
import { openLevelStore } from './store/level-store.ts';
import { readSnapshot } from './store/read-snapshot.ts';
import { StoreJournal } from './store/store-journal.ts';
import type { Store } from './store/store.ts';
import { Timers } from './timers.ts';
import { streamTransport } from './transport.ts';
import { VERSION } from './version.ts';

const STATISTICS_EVERY_MS = 10_000;
const SWEEP_EVERY_MS = 1_000;
const RETAINED_SWEEP_EVERY = 30;

function createRegistryOf(
  settings: RegistrySettings,
  limits: BrokerLimits,
  sessions: Context['sessions'],
  trust: CardTrust | undefined,
): Registry {
  return new Registry({
    enabled: settings.enabled ?? true,
    validateSchema: settings.validateSchema ?? true,
    profile: settings.profile ?? 'shoal',
    ...(settings.emqxVersion === undefined ? {} : { emqxVersion: settings.emqxVersion }),
    pushPresence: settings.pushPresence ?? true,
    maxCardBytes: limits.maxCardBytes,
    maxCardUpdatesPerMinute: limits.maxCardUpdatesPerMinute,
    ...(trust === undefined ? {} : { distrust: (payload) => trust.distrust(payload) }),
    isConnected: (clientId) => sessions.get(clientId)?.connection !== undefined,
  });
}

class EmbeddedBroker implements Broker {
  readonly bootId = randomUUID();
  private readonly options: BrokerOptions;
  private readonly logger: Logger;
  private readonly engine: Engine;
  private readonly server: Server;
  private readonly timers: Timers;
  private readonly journal: StoreJournal | undefined;
  private store: Store | undefined;
  private readonly listening: Listening;
  private intervals: NodeJS.Timeout[] = [];
  private readonly coreRegistry: Registry;
  readonly registry: RegistryAdmin;
  private readonly measurements = new Measurements(Date.now());
  private state: 'new' | 'started' | 'stopped' = 'new';
  private phase: Phase = 'starting';
  private ending: Promise<void> | undefined;

  constructor(options: BrokerOptions) {
    assertSomebodyMayConnect(options);
    this.options = options;
    this.logger = options.logger ?? silentLogger;
    const limits: BrokerLimits = {
      ...defaultLimits,
      ...(options.registry?.profile === 'emqx' ? emqxLimits : {}),
      ...options.limits,
    };
    const sessions: Context['sessions'] = new Map();
    const now = Date.now;
    const flusher = new Flusher(() => this.journal?.commit());
    this.journal = this.isDurable()
      ? new StoreJournal(
          () => flusher.schedule(),
          (error) => this.storeFailed(error),
        )
      : undefined;
    const gate: CommitGate = this.journal ?? openGate;
    this.timers = new Timers(now, (clientId) => this.engine.expire(clientId, now()));
    const { trust: trustOptions } = options.registry ?? {};
    const trust = trustOptions === undefined ? undefined : new CardTrust(trustOptions);
    this.coreRegistry = createRegistryOf(options.registry ?? {}, limits, sessions, trust);
    this.engine = createEngine({
      limits,
      sessions,
      registry: this.coreRegistry,
      journal: this.journal ?? noJournal,
      events: {
        schedule: (clientId, atMs) => this.timers.set(clientId, atMs),
        later: (step) => void setImmediate(() => this.engine.step(now(), step)),
        log: (level, message, fields) => this.logger[level](message, fields),
      },
      authorize: authorizeOf(options),
      responseInformation: options.responseInformation ?? agentReplyTopic,
    });
    this.registry = createRegistryAdmin({
      engine: this.engine,
      registry: this.coreRegistry,
      now,
      flush: async () => this.journal?.flush(),
      vet: trust === undefined ? undefined : (payload) => trust.vet(payload),
    });
    this.server = new Server({
      engine: this.engine,
      gate,
      flusher,
      logger: this.logger,
      door: createDoor({
        authenticate: options.authenticate,
        allowAnonymous: options.allowAnonymous === true,
        logger: this.logger,
      }),
      limits,
      trust,
      now,
    });
    this.listening = new Listening(this.server, options.allowAnonymous === true);
  }

  private isDurable(): boolean {
    return this.options.store !== undefined && this.options.store !== 'memory';
  }

  async start(): Promise<BrokerAddresses> {
    if (this.state !== 'new')
      throw new BrokerError('already-started', 'a broker starts once: create another one');
    this.state = 'started';
    try {
      const http = await this.openHttp();
      await this.restore();
      this.startIntervals();
      const addresses = await this.listening.open(this.options.listen ?? {});
      this.phase = 'ok';
      return { ...addresses, ...http };
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  private async restore(): Promise<void> {
    const { store: setting } = this.options;
    const announce = (topic: string, value: string): void =>
      this.engine.announce(`$SYS/broker/${topic}`, value, Date.now());
    announce('boot-id', this.bootId);
    announce('version', `shoal ${VERSION}`);
    announce('durability', 'none');
    if (this.journal === undefined || setting === undefined || setting === 'memory') return;
    this.store = 'write' in setting ? setting : await openLevelStore(setting);
    const { snapshot, storeId } = await readSnapshot(this.store, this.journal);
    this.journal.attach(this.store);
    this.engine.restore(snapshot, Date.now());
    await this.journal.flush();
    announce('durability', this.store.durability);
    announce('store-id', storeId);
    const { sessions, retained } = this.engine.context;
    this.logger.info('store opened', { storeId, sessions: sessions.size, retained: retained.count });
  }

  /** Without its store a broker can promise nothing: it lets everyone go, unacknowledged. */
  private storeFailed(error: unknown): void {
    this.logger.error('the store cannot be written: the broker stops', { error: String(error) });
    this.phase = 'failed';
    this.server.destroyAll();
    void this.stop();
    this.options.onFailure?.(error);
  }

  private async openHttp(): Promise<BrokerAddresses> {
    const { http = false } = this.options.listen ?? {};
    if (http === false) return {};
    this.measurements.start();
    const { context } = this.engine;
    const opening = openManagement({
      http,
      admin: this.registry,
      registry: this.coreRegistry,
      namespaces: () => {
        const { namespaces = [] } = this.options.registry ?? {};
        return typeof namespaces === 'function' ? namespaces() : namespaces;
      },
      isRetaining: () => context.switches.retainer,
      phase: () => this.phase,
      metrics: () => formatMetrics(this.stats(), this.measurements.take(context, this.coreRegistry)),
      version: VERSION,
      logger: this.logger,
      now: Date.now,
    });
    return this.listening.openManagement(opening);
  }

  private startIntervals(): void {
    let turns = 0;
    const sweep = setInterval(() => {
      this.server.sweep();
      if (++turns % RETAINED_SWEEP_EVERY === 0) this.engine.sweep(Date.now());
    }, SWEEP_EVERY_MS);
    const statistics = setInterval(() => this.announceStatistics(), STATISTICS_EVERY_MS);
    this.intervals = [sweep, statistics];
    for (const interval of this.intervals) interval.unref();
    this.announceStatistics();
  }

  private announceStatistics(): void {
    for (const [name, value] of Object.entries(statisticsTopics(this.stats()))) {
      this.engine.announce(`$SYS/broker/${name}`, String(value), Date.now());
    }
  }

  stop({ drainTimeoutMs = 0 }: StopOptions = {}): Promise<void> {
    this.ending ??= this.end(drainTimeoutMs);
    return this.ending;
  }

  private async end(drainTimeoutMs: number): Promise<void> {
    this.state = 'stopped';
    if (this.phase !== 'failed') this.phase = 'draining';
    const closing = this.listening.close();
    if (drainTimeoutMs > 0) await this.server.drain(drainTimeoutMs);
    for (const interval of this.intervals) clearInterval(interval);
    await this.server.closeAll();
    this.timers.clear();
    await closing;
    await this.journal?.flush();
    await this.store?.close();
    await this.listening.closeManagement();
    this.measurements.stop();
  }

  setRetainer(enabled: boolean): void {
    this.engine.context.switches.retainer = enabled;
  }

  reload(changes: LiveChanges): void {
    this.listening.reload(changes);
  }

  recheckSubscriptions(): number {
    return this.server.recheck();
  }

  disconnect(which: (client: ClientIdentity) => boolean, reason: string): number {
    return this.server.disconnect(which, reason);
  }

  stats(): BrokerStats {
    const { context, stats } = this.engine;
    return {
      ...stats,
      ...this.server.traffic,
      sessions: context.sessions.size,
      subscriptions: context.subscriptions.count,
      retained: context.retained.countWithout('$SYS'),
    };
  }

  handle(stream: Duplex): void {
    this.server.open((events) =>
      streamTransport(stream, { remote: 'in-process', certificate: undefined }, events),
    );
  }
}

/** Nothing is opened before `start`. Throws BrokerError `invalid-options`. */
export function createBroker(options: BrokerOptions): Broker {
  return new EmbeddedBroker(options);
}
