import { randomUUID } from 'node:crypto';
import { canShare, openLink, silentLogger, type Link, type Logger, type LinkOptions } from '@shoal/mqtt-link';
import { assertIdentifier, clientIdOf, eventTopic, requestTopic, type AgentAddress } from '@shoal/protocol';
import { childSessionIds, isClosed, type SessionView, type Workflow } from '@shoal/workflow';
import { DEFAULT_POLICY, type ReconcilePolicy } from '../core/policy.ts';
import type { Supervisor, SupervisorOptions, SupervisorStats } from '../types.ts';
import { AgentKeeper } from './agent-keeper.ts';
import { CanaryKeeper } from './canary-keeper.ts';
import { CardHolder } from './card-holder.ts';
import { Claims } from './claims.ts';
import { measureSupervisor, type SupervisorMeters } from './measure.ts';
import { Janitor } from './janitor.ts';
import { Prober } from './prober.ts';
import { Reconciler } from './reconciler.ts';
import { RequestDesk } from './request-desk.ts';
import { RoomQueue } from './room-queue.ts';
import { SessionStore } from './session-store.ts';
import { SpawnGate } from './spawn-gate.ts';
import { TriggerKeeper } from './trigger-keeper.ts';
import { Waiters } from './waiters.ts';
import { WriterKeeper } from './writer-keeper.ts';

/** Everything that lives as long as the supervisor's link. */
interface Parts {
  readonly link: Link;
  readonly store: SessionStore;
  readonly janitor: Janitor;
  readonly reconciler: Reconciler;
  readonly keeper: AgentKeeper;
  readonly triggers: TriggerKeeper;
  readonly canary: CanaryKeeper;
  readonly writers: WriterKeeper;
  readonly prober: Prober;
  readonly room: RoomQueue;
  readonly cards: readonly CardHolder[];
  readonly meters: SupervisorMeters | undefined;
}

/** Supervisors are few, and while one waits for its broker its sessions wait with it. */
const RECONNECT = { minDelayMs: 50, maxDelayMs: 2_000 } as const;
/** Requests handled at once; those of one session go one after the other. */
const REQUEST_CONCURRENCY = 64;

/** Does no I/O: `start` connects. Spawners stay with their owner, who stops them after the supervisor. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  return new UnitSupervisor(options);
}

class UnitSupervisor implements Supervisor {
  readonly supervisorId: string;
  readonly #options: SupervisorOptions;
  readonly #logger: Logger;
  readonly #policy: ReconcilePolicy;
  readonly #workflows: ReadonlyMap<string, Workflow>;
  readonly #now: () => number;
  readonly #random: () => number;
  #parts: Parts | undefined;
  #sharesRequests = false;
  /** The records were read on the present connection. */
  #current = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #brokerLosesRecords = false;
  readonly #open = new Set<string>();
  readonly ended: Promise<'stopped' | 'evicted'>;
  #onEnded: (why: 'stopped' | 'evicted') => void = () => undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: SupervisorOptions) {
    assertIdentifier('org', options.org);
    assertIdentifier('unit', options.unit);
    this.#options = options;
    this.supervisorId = options.supervisorId ?? `supervisor-${randomUUID().slice(0, 8)}`;
    assertIdentifier('supervisorId', this.supervisorId);
    this.#logger = options.logger ?? silentLogger;
    this.#policy = {
      ...DEFAULT_POLICY,
      spawnAhead: options.spawner.startsAtOnce !== true,
      ...options.policy,
    };
    this.#workflows = new Map(options.workflows.map((workflow) => [workflow.id, workflow]));
    this.#now = options.now ?? Date.now;
    this.#random = options.random ?? Math.random;
    this.ended = new Promise((resolve) => (this.#onEnded = resolve));
  }

  get link(): Link | undefined {
    return this.#parts?.link;
  }

  async start(): Promise<void> {
    if (this.#parts !== undefined) throw new Error('the supervisor is started already');
    const { org, unit } = this.#options;
    const address = { org, unit, agentId: this.supervisorId };
    const link = await openLink({
      ...this.#connect(),
      clientId: clientIdOf(address),
      reconnect: RECONNECT,
      logger: this.#logger,
    });
    const parts = this.#assemble(link);
    this.#parts = parts;
    link.on('offline', () => {
      this.#current = false;
      this.#open.clear();
      parts.store.restart();
      parts.triggers.restart();
      parts.canary.restart();
    });
    link.on('online', ({ reconnect }) => reconnect && void this.#resume(parts));
    link.on('fenced', () => void this.#onEvicted());
    try {
      await this.#begin(parts, address);
    } catch (error) {
      // Half a supervisor would hold cards and take no requests.
      await this.stop();
      throw error;
    }
  }

  async #begin(parts: Parts, address: AgentAddress): Promise<void> {
    const { link } = parts;
    this.#sharesRequests = await canShare(link, eventTopic(address));
    if (!this.#sharesRequests)
      this.#logger.warn('this broker does not share $-topics: every supervisor takes every request', {
        url: this.#options.url,
      });
    for (const card of parts.cards) await card.start();
    await parts.keeper.start();
    await parts.triggers.open();
    await parts.canary.open();
    await parts.writers.open();
    // First the records: a request that meets an existing session must find it.
    await parts.store.open();
    await parts.canary.judge();
    await this.#takeRequests(parts);
    this.#current = true;
    await parts.triggers.begin();
    for (const card of parts.cards) card.consider();
    this.#lookAtAll(parts);
    this.#schedule(parts);
  }

  stop(): Promise<void> {
    return this.#end('stopped');
  }

  /** Another client has this id: without its link it would be alive and do nothing. */
  #onEvicted(): Promise<void> {
    this.#logger.error('another client took this id over: the supervisor stops', {
      supervisorId: this.supervisorId,
    });
    return this.#end('evicted');
  }

  #end(why: 'stopped' | 'evicted'): Promise<void> {
    this.#stopping ??= this.#stopParts().finally(() => this.#onEnded(why));
    return this.#stopping;
  }

  async #stopParts(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const parts = this.#parts;
    if (parts === undefined) return;
    parts.meters?.stop();
    parts.reconciler.stop();
    parts.keeper.stop();
    parts.triggers.stop();
    parts.room.stop();
    await Promise.all(parts.cards.map((card) => card.stop()));
    await parts.prober.close();
    await parts.writers.close();
    await parts.link.close();
  }

  stats(): SupervisorStats {
    const parts = this.#parts;
    const room = parts?.room.stats() ?? { waiting: 0, nowhere: 0 };
    return {
      openSessions: this.#open.size,
      knownSessions: parts?.store.size ?? 0,
      spawned: parts?.reconciler.spawned ?? 0,
      respawned: parts?.reconciler.respawned ?? 0,
      agents: parts?.keeper.stats() ?? { desired: 0, spawned: 0, respawned: 0 },
      waitingForRoom: room.waiting,
      withoutPlace: room.nowhere,
      cardsHeld: [...this.#workflows.keys()].filter((_, index) => parts?.cards[index]?.holds === true),
      brokerLosesRecords: this.#brokerLosesRecords,
      durability: parts?.canary.durability ?? 'unproven',
      sharesRequests: this.#sharesRequests,
    };
  }

  #assemble(link: Link): Parts {
    const { org, unit, spawner, agentBlueprints = [], placements = {} } = this.#options;
    const [logger, now, random, policy] = [this.#logger, this.#now, this.#random, this.#policy];
    const { supervisorId } = this;
    const outcomes = new Waiters();
    const claims = new Claims();
    const gate = new SpawnGate(this.#options.spawnsPerSecond ?? 200, () => performance.now());
    const { maxWaitingStarts: maxWaiting = 10_000 } = this.#options;
    const room = new RoomQueue({ spawner, maxWaiting, logger });
    const address = { org, unit, agentId: supervisorId };
    const prober = new Prober({ link, address, timeoutMs: this.#options.probeTimeoutMs ?? 2_000 });
    const isCurrent = (): boolean => this.#current;
    const canary = new CanaryKeeper({
      link,
      org,
      unit,
      supervisorId,
      refuse: this.#options.nonIdempotent === 'refuse',
      unsafe: [...this.#workflows.values()]
        .filter(({ steps }) => steps.some(({ idempotent }) => idempotent === false))
        .map(({ id }) => id),
      logger,
      now,
    });
    const meters = measureSupervisor(supervisorId, () => this.stats(), now());
    const store: SessionStore = new SessionStore(link, {
      org,
      unit,
      logger,
      now,
      onClaim: (claimId) => claims.onClaim(claimId),
      onLoss: () => this.#onLoss(canary),
      onRecord: (view, kind, stepId) => {
        meters?.onRecord(view, kind, stepId);
        this.#count(view);
        if (kind === 'outcome') outcomes.notify(view.sessionId);
        // Who waits for the outcome decides nothing.
        if (kind !== 'caller') reconciler.look(view.sessionId);
        // What ends or is called off may leave work in other sessions behind.
        if (kind === 'control' || kind === 'result' || kind === 'outcome')
          for (const child of childSessionIds(view))
            if (store.get(child) !== undefined) reconciler.look(child);
      },
    });
    const writers = new WriterKeeper({
      link,
      org,
      unit,
      supervisorId,
      shares: spawner.sharesWriter === true,
      connect: this.#connect(),
      onLost: (writerId) => {
        for (const view of store.all())
          for (const { attempt } of view.steps.values())
            if (attempt?.writerId === writerId) reconciler.look(view.sessionId);
      },
      logger,
      now,
    });
    const shared = {
      link,
      supervisorId,
      policy,
      spawner,
      claims,
      prober,
      gate,
      room,
      placements,
      isCurrent,
      logger,
      now,
      random,
    };
    const reconciler = new Reconciler({
      ...shared,
      connect: this.#connect(),
      owns: (workflowId) => this.#workflows.has(workflowId),
      viewOf: (sessionId) => store.get(sessionId),
      sessions: store,
      writeClaim: (session, topic, record) => store.claim(session, topic, record),
      fresh: () => store.fresh(),
      writers,
      artifacts: this.#options.artifacts,
    });
    const keeper = new AgentKeeper({ ...shared, org, unit, blueprints: agentBlueprints });
    const cards = [...this.#workflows.values()].map(
      (workflow) =>
        new CardHolder({
          link,
          connect: this.#connect(),
          address: { org, unit, agentId: workflow.id },
          workflow,
          logger,
          random,
          takeoverMs: 500,
        }),
    );
    this.#desk = new RequestDesk({
      link,
      org,
      unit,
      workflows: this.#workflows,
      store,
      reconciler,
      outcomes,
      maxRequestBytes: this.#options.maxRequestBytes ?? 262_144,
      maxOpenSessions: this.#options.maxOpenSessions ?? 10_000,
      openSessions: () => this.#open.size,
      refusesNonIdempotent: () => this.#options.nonIdempotent === 'refuse' && canary.durability === 'lossy',
      cancelWaitMs: 10_000,
      logger,
      now,
    });
    const triggers = new TriggerKeeper({
      ...shared,
      org,
      unit,
      workflows: this.#workflows,
      store,
      reconciler,
      adoptMs: policy.adoptMs,
    });
    const janitor = new Janitor({ link, owns: (id) => this.#workflows.has(id), logger });
    return {
      link,
      store,
      janitor,
      reconciler,
      keeper,
      canary,
      triggers,
      writers,
      prober,
      room,
      cards,
      meters,
    };
  }

  #desk: RequestDesk | undefined;

  /** One subscription for each owned id, never a wildcard: requests to a live agent are none of our business (DESIGN rule 11). */
  async #takeRequests({ link }: Parts): Promise<void> {
    const { org, unit } = this.#options;
    for (const id of this.#workflows.keys()) {
      const topic = requestTopic({ org, unit, agentId: id });
      const filter = this.#sharesRequests ? `$share/shoal.${org}.${unit}/${topic}` : topic;
      await link.subscribe(filter, (message) => this.#desk?.handle(message), {
        manualAck: true,
        concurrency: REQUEST_CONCURRENCY,
      });
    }
  }

  /** After a reconnect: read everything again, give back what the broker lost, repair (rules 10 and 17). */
  async #resume(parts: Parts): Promise<void> {
    try {
      await parts.store.sync();
      await parts.triggers.resume();
      await parts.canary.judge();
    } catch (error) {
      return this.#logger.warn('the records could not be read', { error: String(error) });
    }
    this.#current = true;
    this.#lookAtAll(parts);
  }

  #lookAtAll({ store, reconciler, keeper, cards, janitor, writers }: Parts): void {
    const now = this.#now();
    writers.sweep();
    for (const sessionId of janitor.sweep(store.all(), now)) {
      store.forget(sessionId);
      this.#open.delete(sessionId);
    }
    for (const { sessionId } of store.all()) reconciler.look(sessionId);
    keeper.lookAtAll();
    for (const card of cards) void card.look();
  }

  #schedule(parts: Parts): void {
    const intervalMs = (this.#options.reconcileIntervalMs ?? 15_000) * (0.8 + 0.4 * this.#random());
    this.#timer = setTimeout(() => {
      if (this.#stopped) return;
      if (this.#current) this.#lookAtAll(parts);
      this.#schedule(parts);
    }, intervalMs);
  }

  /** Keeps the number of open sessions, so that a request costs no walk over all of them. */
  #count(view: SessionView): void {
    const owned = view.session !== undefined && this.#workflows.has(view.session.workflowId);
    if (owned && !isClosed(view)) this.#open.add(view.sessionId);
    else this.#open.delete(view.sessionId);
  }

  #onLoss(canary: CanaryKeeper): void {
    if (this.#brokerLosesRecords) return;
    this.#brokerLosesRecords = true;
    canary
      .sawLoss()
      .catch((error: unknown) => this.#logger.warn('the loss could not be told', { error: String(error) }));
  }

  #connect(): Pick<LinkOptions, 'url' | 'username' | 'password' | 'openStream' | 'tls' | 'keepAliveSeconds'> {
    const { url, username, password, openStream, tls, keepAliveSeconds = 15 } = this.#options;
    return {
      url,
      keepAliveSeconds,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(openStream === undefined ? {} : { openStream }),
      ...(tls === undefined ? {} : { tls }),
    };
  }
}
