import { randomUUID } from 'node:crypto';
import { openLink, silentLogger, type Link, type LinkOptions, type Logger } from '@shoal/mqtt-link';
import {
  clientIdOf,
  describeViolations,
  hostTopics,
  parseJson,
  parseShoalTopic,
  spawnTopic,
  validateHostEvent,
  validateHostRecord,
  type HostEvent,
  type HostOrder,
  type Validation,
} from '@shoal/protocol';
import { isoTime, type Credentials, type SpawnOrder } from '@shoal/workflow';
import { HostBook } from '../core/host-book.ts';
import { choosePlace, freeRoom, weightOf, type Needs, type Place } from '../core/placement.ts';
import type { Spawner, SpawnHooks } from '../types.ts';

export interface RemoteHostsOptions extends Credentials {
  readonly url: string;
  readonly org: string;
  readonly unit: string;
  /** Its client id is `org/unit/id`. Default `spawner-` and a random number. */
  readonly id?: string;
  /** How long a host may take to answer before the order is given to another. Default 3 000. */
  readonly answerMs?: number;
  /** How long somebody is looked for, before the order counts as failed and costs an attempt. Default 30 000. */
  readonly placeMs?: number;
  readonly keepAliveSeconds?: number;
  readonly openStream?: NonNullable<LinkOptions['openStream']>;
  readonly tls?: NonNullable<LinkOptions['tls']>;
  readonly logger?: Logger;
}

export interface RemoteHosts extends Spawner {
  /** The hosts that take orders now, with what they have and what is taken. */
  readonly hosts: readonly Place[];
}

/** Pause before everybody is asked again. */
const ROUND_MS = 200;

/**
 * A spawner on other machines: whoever runs `createHost` in the unit takes its orders. Resolves when the hosts that are there are known.
 * Rejects with LinkError.
 */
export async function openRemoteHosts(options: RemoteHostsOptions): Promise<RemoteHosts> {
  const { url, org, unit, username, password, openStream, tls, keepAliveSeconds = 15 } = options;
  const { id = `spawner-${randomUUID().slice(0, 8)}`, logger = silentLogger } = options;
  const link = await openLink({
    url,
    clientId: clientIdOf({ org, unit, agentId: id }),
    keepAliveSeconds,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(openStream === undefined ? {} : { openStream }),
    ...(tls === undefined ? {} : { tls }),
    logger,
  });
  const hosts = new HostSpawner(link, id, options);
  try {
    await hosts.open();
  } catch (error) {
    await hosts.stop();
    throw error;
  }
  return hosts;
}

/** An order that nobody has answered yet. */
interface Pending {
  readonly weight: number;
  readonly hooks: SpawnHooks;
  readonly settle: (answer: Answer) => void;
}

type Answer = Pick<HostEvent, 'event' | 'hostId' | 'reason' | 'message'> | 'nobody' | 'no answer';

class HostSpawner implements RemoteHosts {
  readonly #link: Link;
  readonly #id: string;
  readonly #options: RemoteHostsOptions;
  readonly #logger: Logger;
  readonly #book = new HostBook();
  readonly #pending = new Map<string, Pending>();
  /** Orders that somebody has taken. */
  readonly #taken = new Map<string, { readonly claimId: string; readonly hooks: SpawnHooks }>();
  /** The order by which each claim was taken last: given again, it goes by the new one. */
  readonly #orderOf = new Map<string, string>();
  readonly #stop = new AbortController();

  constructor(link: Link, id: string, options: RemoteHostsOptions) {
    this.#link = link;
    this.#id = id;
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
  }

  async open(): Promise<void> {
    const { org, unit } = this.#options;
    const of = (word: string): string => `shoal/v1/${org}/${unit}/host/+${word}`;
    await this.#link.subscribe(of('/event'), ({ topic, payload }) => this.#takeEvent(topic, payload));
    await this.#link.subscribe(of(''), ({ topic, payload }) => this.#takeRecord(topic, payload));
    this.#link.on('online', ({ reconnect }) => reconnect && this.#lost(this.#book.forgetOrders()));
  }

  get hosts(): readonly Place[] {
    return this.#book.places(Date.now());
  }

  get running(): number {
    return this.hosts.reduce((sum, { used }) => sum + used, this.#book.unplaced);
  }

  get capacity(): number {
    return this.hosts.reduce((sum, { capacity }) => sum + capacity, 0);
  }

  room(needs: Needs): number | 'nowhere' {
    const free = freeRoom(needs, this.hosts);
    return free === 'nowhere' ? free : Math.max(0, free - this.#book.unplaced);
  }

  async spawn(order: SpawnOrder, hooks: SpawnHooks = {}): Promise<void> {
    const { placeMs = 30_000 } = this.#options;
    const needs = { ...order.placement, blueprint: order.blueprint };
    const untilMs = Date.now() + placeMs;
    const asked = new Set<string>();
    let why = 'there is no host';
    while (!this.#stop.signal.aborted) {
      const hosts = this.hosts;
      const left = hosts.filter(({ id }) => !asked.has(id));
      const choice = choosePlace(needs, left);
      if ('none' in choice) {
        if (hosts.length > 0 && choice.none === 'full') why = 'every host with such labels is full';
        else if (hosts.length > 0 && asked.size === 0) why = 'no host has such labels and blueprints';
        if (Date.now() >= untilMs) break;
        asked.clear();
        await this.#pause(ROUND_MS);
        continue;
      }
      // One that refused is passed over, so then it has to be said who shall take it.
      const any = asked.size === 0 && this.#book.anyWillDo(needs, left);
      const to = any ? undefined : choice.place.id;
      const answer = await this.#ask(to, order, hooks);
      if (typeof answer === 'object' && answer.event === 'accepted') return;
      why = this.#note(answer, to, asked);
      if (any) asked.add(choice.place.id);
      this.#logger.info('an order was not taken', { claimId: order.claimId, to: to ?? 'any host', why });
      if (Date.now() >= untilMs) break;
    }
    if (this.#stop.signal.aborted) throw new Error('the spawner is stopped');
    throw new Error(`no host took the order within ${placeMs} ms: ${why}`);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#link.close();
  }

  /** Notes who need not be asked again in this round; returns the reason for people. */
  #note(answer: Answer, hostId: string | undefined, round: Set<string>): string {
    if (typeof answer === 'object') {
      round.add(answer.hostId);
      return `host ${answer.hostId} refused: ${answer.reason ?? ''} ${answer.message ?? ''}`.trim();
    }
    if (hostId !== undefined) {
      round.add(hostId);
      this.#book.doubt(hostId, Date.now());
    }
    return answer === 'nobody' ? 'nobody listens for orders' : 'no host answered in time';
  }

  /** Gives the order to one host, or to whoever takes it, and waits for the answer. */
  async #ask(hostId: string | undefined, order: SpawnOrder, hooks: SpawnHooks): Promise<Answer> {
    const { answerMs = 3_000 } = this.#options;
    const orderId = randomUUID();
    const message: HostOrder = {
      schemaVersion: 1,
      orderId,
      by: this.#id,
      order,
      at: isoTime(Date.now()),
    };
    const topic =
      hostId === undefined ? spawnTopic(this.#options) : hostTopics({ ...this.#options, hostId }).order;
    const weight = weightOf(order.placement);
    this.#book.open(orderId, hostId, weight);
    let timer: NodeJS.Timeout | undefined;
    const answered = new Promise<Answer>((resolve) => {
      timer = setTimeout(() => resolve('no answer'), answerMs);
      this.#pending.set(orderId, { weight, hooks, settle: resolve });
      this.#link
        .publish(topic, JSON.stringify(message), {
          qos: 1,
          contentType: 'application/json',
          payloadIsUtf8: true,
          // A host that takes it up later would start what was given to another one.
          messageExpirySeconds: Math.max(1, Math.ceil(answerMs / 1000)),
          signal: this.#stop.signal,
        })
        .then(
          ({ noMatchingSubscribers }) => noMatchingSubscribers && resolve('nobody'),
          () => resolve('no answer'),
        );
    });
    try {
      const answer = await answered;
      if (typeof answer !== 'object' || answer.event !== 'accepted') this.#book.close(orderId);
      return answer;
    } finally {
      clearTimeout(timer);
      this.#pending.delete(orderId);
    }
  }

  #takeEvent(topic: string, payload: Uint8Array): void {
    const event = this.#read(topic, payload, validateHostEvent);
    if (event === undefined) return;
    const { orderId, hostId } = event;
    if (event.event === 'exited') return this.#exited(event);
    const pending = this.#pending.get(orderId);
    if (pending === undefined) return;
    if (event.event === 'accepted') {
      // At once: its end may follow in the same turn of the event loop.
      const before = this.#orderOf.get(event.claimId);
      if (before !== undefined) this.#close(before);
      this.#orderOf.set(event.claimId, orderId);
      this.#book.open(orderId, hostId, pending.weight);
      this.#taken.set(orderId, { claimId: event.claimId, hooks: pending.hooks });
    }
    pending.settle(event);
  }

  #exited({ orderId, clean = false }: HostEvent): void {
    this.#close(orderId)?.onExit?.(clean);
  }

  /** Takes the order off the books; undefined when it is not there. */
  #close(orderId: string): SpawnHooks | undefined {
    const taken = this.#taken.get(orderId);
    this.#taken.delete(orderId);
    this.#book.close(orderId);
    if (taken !== undefined && this.#orderOf.get(taken.claimId) === orderId)
      this.#orderOf.delete(taken.claimId);
    return taken?.hooks;
  }

  #takeRecord(topic: string, payload: Uint8Array): void {
    const at = parseShoalTopic(topic);
    if (at?.kind !== 'host') return;
    const record = payload.length === 0 ? undefined : this.#read(topic, payload, validateHostRecord);
    if (payload.length > 0 && record === undefined) return;
    this.#lost(this.#book.takeRecord(at.hostId, record, Date.now()));
  }

  #lost(orders: readonly string[]): void {
    for (const orderId of orders) {
      this.#pending.get(orderId)?.settle('nobody');
      this.#close(orderId)?.onLost?.();
    }
  }

  #read<T>(topic: string, payload: Uint8Array, validate: (value: unknown) => Validation<T>): T | undefined {
    const json = parseJson(payload);
    const checked = json.ok ? validate(json.value) : json;
    if (checked.ok) return checked.value;
    this.#logger.warn('a message of a host is ignored', {
      topic,
      reason: describeViolations(checked.violations),
    });
    return undefined;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#stop.signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#stop.signal.addEventListener('abort', end);
    });
  }
}
