import { randomUUID } from 'node:crypto';
import {
  canShare,
  markerTopicOf,
  openLink,
  silentLogger,
  type Link,
  type LinkOptions,
  type Logger,
} from '@shoal/mqtt-link';
import { meterOf } from '@shoal/mqtt-link/tracing';
import {
  assertIdentifier,
  clientIdOf,
  describeViolations,
  hostTopics,
  parseJson,
  spawnTopic,
  validateHostOrder,
  type HostEvent,
  type HostOrder,
  type HostRecord,
} from '@shoal/protocol';
import { isoTime, type Credentials, type SpawnOrder } from '@shoal/workflow';
import { HostLedger, type Refusal } from '../core/host-ledger.ts';
import type { Spawner } from '../types.ts';

export interface HostOptions extends Credentials {
  readonly url: string;
  readonly org: string;
  readonly unit: string;
  /** Its client id is `org/unit/hostId`: two hosts must not share one. */
  readonly hostId: string;
  /** Starts what is ordered. The host does not stop it: whoever made it does. */
  readonly spawner: Spawner;
  /** What orders may ask for: `{ site: 'north' }`. Default none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Places, in the unit of `weight`. Default: the capacity of the spawner. */
  readonly capacity?: number;
  /** The only blueprints that it can start; others are refused. Default: it starts whatever is ordered. */
  readonly blueprints?: readonly string[];
  /** Of the program that it runs, for people who look. Default `unknown`. */
  readonly version?: string;
  /** Its record is written again so often, and expires after three times as long. Default 20 000, least 1 000. */
  readonly refreshMs?: number;
  readonly keepAliveSeconds?: number;
  readonly openStream?: NonNullable<LinkOptions['openStream']>;
  readonly tls?: NonNullable<LinkOptions['tls']>;
  readonly logger?: Logger;
}

export interface Host {
  readonly hostId: string;
  /** Places that are taken. */
  readonly running: number;
  readonly state: 'starting' | 'ready' | 'draining' | 'stopped';
  /** Resolves when it takes orders. Rejects with LinkError; it is stopped then. */
  start(): Promise<void>;
  /** Takes no more orders, and resolves when everything that runs has ended: true, or after `withinMs`: false. */
  drain(options?: { readonly withinMs?: number }): Promise<boolean>;
  /** Removes its record and disconnects. What it started goes on as its spawner has it. Stopping twice is fine. */
  stop(): Promise<void>;
  /** `evicted`: another client connected with its id. What it started goes on. */
  readonly ended: Promise<'stopped' | 'evicted'>;
}

/** Changes of one record within this time are one publish. */
const RECORD_GAP_MS = 50;
const ORDER_CONCURRENCY = 64;

/** Takes spawn orders of supervisors: more machines are more hosts. Nobody has to know it beforehand; it announces itself. */
export function createHost(options: HostOptions): Host {
  return new UnitHost(options);
}

class UnitHost implements Host {
  readonly hostId: string;
  readonly ended: Promise<'stopped' | 'evicted'>;
  readonly #options: HostOptions;
  readonly #logger: Logger;
  readonly #incarnation = randomUUID();
  readonly #ledger: HostLedger;
  readonly #refreshMs: number;
  #state: Host['state'] = 'starting';
  #link: Link | undefined;
  #shares = false;
  #recordTimer: NodeJS.Timeout | undefined;
  #refreshTimer: NodeJS.Timeout | undefined;
  #onEmpty: () => void = () => undefined;
  #onEnded: (why: 'stopped' | 'evicted') => void = () => undefined;
  #stopping: Promise<void> | undefined;
  #stopMeasuring: () => void = () => undefined;
  readonly #ends = { clean: 0, died: 0, refused: 0 };

  constructor(options: HostOptions) {
    for (const field of ['org', 'unit', 'hostId'] as const) assertIdentifier(field, options[field]);
    this.#options = options;
    this.hostId = options.hostId;
    this.#logger = options.logger ?? silentLogger;
    const { labels = {}, capacity = options.spawner.capacity, blueprints } = options;
    this.#ledger = new HostLedger({ labels, capacity, ...(blueprints === undefined ? {} : { blueprints }) });
    this.#refreshMs = Math.max(1_000, options.refreshMs ?? 20_000);
    this.ended = new Promise((resolve) => (this.#onEnded = resolve));
  }

  get running(): number {
    return this.#ledger.used;
  }

  get state(): Host['state'] {
    return this.#state;
  }

  async start(): Promise<void> {
    if (this.#link !== undefined) throw new Error('the host is started already');
    const { url, username, password, openStream, tls, keepAliveSeconds = 15 } = this.#options;
    const { record, order } = hostTopics(this.#options);
    const link = await openLink({
      url,
      clientId: clientIdOf({ ...this.#options, agentId: this.hostId }),
      keepAliveSeconds,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(openStream === undefined ? {} : { openStream }),
      ...(tls === undefined ? {} : { tls }),
      will: { topic: record, payload: JSON.stringify(this.#record('lost')), ...this.#kept() },
      logger: this.#logger,
    });
    this.#link = link;
    this.#stopMeasuring = this.#measure();
    link.on('fenced', () => void this.#end('evicted'));
    // The Will said `lost`, or the broker came back empty.
    link.on('online', ({ reconnect }) => reconnect && this.#announce());
    try {
      // On a topic that its own rules let it write, which those of its orders do not.
      this.#shares = await canShare(link, markerTopicOf(link.clientId));
      const take = { concurrency: ORDER_CONCURRENCY } as const;
      await link.subscribe(order, ({ payload }) => this.#take(payload), take);
      if (this.#shares)
        await link.subscribe(
          `$share/shoal.hosts/${spawnTopic(this.#options)}`,
          ({ payload }) => this.#take(payload),
          take,
        );
      this.#state = 'ready';
      await this.#publishRecord();
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#refreshTimer = setInterval(() => this.#announce(), this.#refreshMs);
  }

  /** Places, and what became of orders; nothing without an OpenTelemetry SDK. */
  #measure(): () => void {
    const meter = meterOf('@shoal/supervisor');
    if (meter === undefined) return () => undefined;
    const running = meter.createObservableGauge('shoal.host.places.taken', {
      description: 'Places of this host that are taken, by weight.',
    });
    const capacity = meter.createObservableGauge('shoal.host.places', {
      description: 'Places of this host.',
    });
    const ends = meter.createObservableCounter('shoal.host.orders', {
      description: 'Orders by what became of them: clean, died, refused.',
    });
    const instruments = [running, capacity, ends];
    const callback: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
      result.observe(running, this.#ledger.used);
      result.observe(capacity, this.#ledger.capacity);
      for (const [end, count] of Object.entries(this.#ends)) result.observe(ends, count, { end });
    };
    meter.addBatchObservableCallback(callback, instruments);
    return () => meter.removeBatchObservableCallback(callback, instruments);
  }

  async drain({ withinMs }: { readonly withinMs?: number } = {}): Promise<boolean> {
    if (this.#state === 'ready') {
      this.#state = 'draining';
      await this.#publishRecord();
    }
    if (this.#ledger.used === 0) return true;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<boolean>((resolve) => {
        this.#onEmpty = () => resolve(true);
        if (withinMs !== undefined) timer = setTimeout(() => resolve(false), withinMs);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  stop(): Promise<void> {
    return this.#end('stopped');
  }

  #end(why: 'stopped' | 'evicted'): Promise<void> {
    this.#stopping ??= this.#leave(why).finally(() => this.#onEnded(why));
    return this.#stopping;
  }

  async #leave(why: 'stopped' | 'evicted'): Promise<void> {
    this.#state = 'stopped';
    this.#stopMeasuring();
    clearTimeout(this.#recordTimer);
    clearInterval(this.#refreshTimer);
    if (why === 'evicted')
      this.#logger.error('another client took the id of this host over: it stops', { hostId: this.hostId });
    else if (this.#link?.state === 'online')
      // Gone on purpose: nothing to remember.
      await this.#link
        .publish(hostTopics(this.#options).record, '', { qos: 1, retain: true, ackTimeoutMs: 2_000 })
        .catch(() => undefined);
    await this.#link?.close();
  }

  async #take(payload: Uint8Array): Promise<void> {
    const json = parseJson(payload);
    const checked = json.ok ? validateHostOrder(json.value) : json;
    if (!checked.ok)
      return this.#logger.warn('an order that cannot be read is ignored', {
        reason: describeViolations(checked.violations),
      });
    const { orderId, order } = checked.value;
    const known = this.#ledger.runs(order.claimId);
    // The answer was lost, or came too late: it is given again, nothing else.
    if (known) {
      this.#ledger.rename(order.claimId, orderId);
      return this.#tell(checked.value, { event: 'accepted' });
    }
    const refusal: Refusal | undefined =
      this.#state === 'ready' ? this.#ledger.admit(orderId, order) : { reason: 'draining' };
    if (refusal !== undefined) return this.#refuse(checked.value, refusal);
    await this.#spawn(checked.value);
  }

  async #spawn(given: HostOrder): Promise<void> {
    const { order } = given;
    const { claimId } = order;
    const onExit = (clean: boolean): void => {
      const orderId = this.#ledger.leave(claimId);
      if (orderId === undefined) return;
      this.#ends[clean ? 'clean' : 'died'] += 1;
      this.#tell({ ...given, orderId }, { event: 'exited', clean });
      this.#announceSoon();
      if (this.#ledger.used === 0) this.#onEmpty();
    };
    try {
      // The schema has said which fields are there.
      await this.#options.spawner.spawn(order as SpawnOrder, { onExit });
    } catch (error) {
      this.#ledger.leave(claimId);
      return this.#refuse(given, { reason: 'failed', message: String(error) });
    }
    this.#logger.info('spawn', { kind: order.kind, blueprint: order.blueprint, claimId, by: given.by });
    this.#tell(given, { event: 'accepted' });
    this.#announceSoon();
  }

  #refuse(given: HostOrder, { reason, message }: Refusal): void {
    this.#ends.refused += 1;
    this.#logger.info('an order is refused', { orderId: given.orderId, by: given.by, reason });
    this.#tell(given, { event: 'refused', reason, ...(message === undefined ? {} : { message }) });
    this.#announceSoon();
  }

  #tell(
    { orderId, order }: Pick<HostOrder, 'orderId' | 'order'>,
    what: Pick<HostEvent, 'event' | 'reason' | 'message' | 'clean'>,
  ): void {
    const event: HostEvent = {
      schemaVersion: 1,
      hostId: this.hostId,
      incarnation: this.#incarnation,
      orderId,
      claimId: order.claimId,
      ...what,
      at: isoTime(Date.now()),
    };
    this.#publish(hostTopics(this.#options).event, JSON.stringify(event), {
      qos: 1,
      messageExpirySeconds: 60,
    });
  }

  #announceSoon(): void {
    if (this.#state === 'stopped') return;
    this.#recordTimer ??= setTimeout(() => this.#announce(), RECORD_GAP_MS);
  }

  #announce(): void {
    clearTimeout(this.#recordTimer);
    this.#recordTimer = undefined;
    if (this.#state === 'stopped' || this.#link?.state !== 'online') return;
    this.#publishRecord().catch((error: unknown) =>
      this.#logger.warn('the record of the host could not be written', { error: String(error) }),
    );
  }

  async #publishRecord(): Promise<void> {
    const record = this.#record(this.#state === 'ready' ? 'ready' : 'draining');
    await this.#link?.publish(hostTopics(this.#options).record, JSON.stringify(record), this.#kept());
  }

  #publish(topic: string, payload: string, options: Parameters<Link['publish']>[2]): void {
    if (this.#state === 'stopped') return;
    this.#link
      ?.publish(topic, payload, { contentType: 'application/json', payloadIsUtf8: true, ...options })
      .catch((error: unknown) =>
        this.#logger.warn('an event of the host could not be told', { topic, error: String(error) }),
      );
  }

  #record(state: HostRecord['state']): HostRecord {
    const { labels = {}, blueprints, version = 'unknown' } = this.#options;
    return {
      schemaVersion: 1,
      hostId: this.hostId,
      incarnation: this.#incarnation,
      state,
      labels,
      capacity: this.#ledger.capacity,
      running: state === 'lost' ? 0 : this.#ledger.used,
      shares: this.#shares,
      ...(blueprints === undefined ? {} : { blueprints: [...blueprints] }),
      version,
      refreshSeconds: this.#refreshMs / 1000,
      ...(state === 'lost' ? {} : { at: isoTime(Date.now()) }),
    };
  }

  #kept() {
    const messageExpirySeconds = Math.ceil((3 * this.#refreshMs) / 1000);
    return {
      qos: 1,
      retain: true,
      contentType: 'application/json',
      payloadIsUtf8: true,
      messageExpirySeconds,
    } as const;
  }
}
