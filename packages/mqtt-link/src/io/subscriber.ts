import { encodeSubscribe, encodeUnsubscribe } from '../core/encode.ts';
import { LinkError } from '../core/link-error.ts';
import type { PacketIds } from '../core/packet-ids.ts';
import { describeReason, FIRST_FAILURE } from '../core/reason-codes.ts';
import { Routes } from '../core/routes.ts';
import { assertTopicFilter } from '../core/topic.ts';
import type {
  BrokerFeatures,
  InboundMessage,
  MessageHandler,
  Qos,
  SubscribeOptions,
  Subscription,
} from '../link.ts';
import type { AckFields, Connection } from './connection.ts';
import { Deadlines } from './deadlines.ts';
import { HandlerQueue } from './handler-queue.ts';
import {
  hasStaleFlags,
  LiveSubscription,
  mergeOptions,
  queuesOf,
  type Group,
  type Member,
} from './subscription-group.ts';

interface PendingAck {
  readonly group: Group | undefined;
  readonly answers: Answers;
  readonly settle: () => void;
}

/** Whose SUBSCRIBE it was: that handler's, that of all, or of those alone that were subscribed already. */
type Answers = Member | 'all' | 'subscribed';

export interface SubscriberOptions {
  readonly fenced: boolean;
  readonly ids: PacketIds;
  readonly firstSubscriptionId: number;
  readonly onError: (error: LinkError) => void;
  /** A handler was added: messages of a resumed session that nobody wanted yet may be for it. */
  readonly onAdded: () => void;
}

/** Keeps the subscriptions of a link on the broker, and knows whom a message is for. */
export class Subscriber {
  readonly #options: SubscriberOptions;
  readonly #groups = new Map<string, Group>();
  readonly #routes: Routes<Group, Member>;
  readonly #pending = new Map<number, PendingAck>();
  /** Filters to take off the broker when a connection with the same session is back. */
  readonly #unwanted = new Set<string>();
  readonly #deadlines = new Deadlines<Member>(
    () => this.#unanswered(),
    (member) => this.#expire(member),
  );
  #connection: Connection | undefined;
  #features: BrokerFeatures | undefined;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    this.#routes = new Routes(options.firstSubscriptionId);
  }

  subscribe(filter: string, handler: MessageHandler, options: SubscribeOptions): Promise<Subscription> {
    assertTopicFilter('filter', filter);
    if (this.#connection === undefined && this.#options.fenced) {
      return Promise.reject(
        new LinkError('not-connected', 'a fenced link subscribes only while it is online'),
      );
    }
    return new Promise((resolve, reject) => {
      const group = this.#group(filter);
      const queue = new HandlerQueue(handler, this.#queueOptions(filter, options));
      const member: Member = { options, queue, settled: false, deadlineMs: Infinity, resolve, reject };
      group.members.add(member);
      group.queues = [...group.queues, queue];
      this.#deadlines.start(member, options.ackTimeoutMs ?? 30_000);
      if (this.#connection !== undefined) void this.#send(this.#connection, group, member);
      this.#options.onAdded();
    });
  }

  /** The network connection is up. Resolves when every subscription that had to be sent again is answered. */
  async attach(connection: Connection, features: BrokerFeatures, sessionPresent: boolean): Promise<void> {
    this.#connection = connection;
    this.#features = features;
    if (!sessionPresent) {
      this.#routes.forgetIds();
      this.#unwanted.clear();
    }
    const answers: Promise<void>[] = [];
    for (const group of this.#groups.values()) {
      if (!sessionPresent) group.granted = false;
      const unanswered = [...group.members].some((member) => !member.settled);
      if (!group.granted || unanswered) answers.push(this.#send(connection, group, 'all'));
      else if (hasStaleFlags(group)) answers.push(this.#send(connection, group, 'subscribed'));
    }
    for (const filter of this.#unwanted)
      if (!this.#groups.has(filter)) void this.#unsubscribe(connection, filter);
    await Promise.all(answers);
  }

  /** The network connection is gone. */
  detach(error: LinkError): void {
    this.#connection = undefined;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { settle } of pending) settle();
    if (this.#options.fenced) this.#rejectUnanswered(error);
  }

  failAll(error: LinkError): void {
    this.detach(error);
    this.#rejectUnanswered(error);
    for (const group of this.#groups.values()) for (const member of group.members) member.queue.close();
    this.#groups.clear();
    this.#deadlines.clear();
  }

  /** The queues that a message goes to. Undefined: nobody here subscribed to it. Empty: who did has closed. */
  recipients(
    message: InboundMessage,
    subscriptionIds: number | readonly number[] | undefined,
  ): readonly HandlerQueue[] | undefined {
    const routes = this.#routes.find(message.topic, subscriptionIds);
    if (routes === undefined) return undefined;
    return routes.length === 1
      ? queuesOf(routes[0]!, message)
      : routes.flatMap((route) => queuesOf(route, message));
  }

  /** Whether a packet identifier is taken by a SUBSCRIBE or UNSUBSCRIBE. */
  uses(id: number): boolean {
    return this.#pending.has(id);
  }

  onAck(packet: AckFields): void {
    const id = packet.messageId ?? 0;
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    if (pending.group !== undefined) this.#onSuback(pending.group, pending.answers, packet);
    pending.settle();
  }

  #onSuback(group: Group, answers: Answers, packet: AckFields): void {
    const code = Number(packet.granted?.[0] ?? FIRST_FAILURE);
    const answered =
      typeof answers === 'object'
        ? [answers]
        : [...group.members].filter((one) => answers === 'all' || one.settled);
    if (code < FIRST_FAILURE) {
      group.granted = true;
      group.grantedQos = code as Qos;
      for (const one of answered) this.#accept(group, one);
      return;
    }
    const error = subscribeRefused(group.filter, code, packet.properties?.reasonString);
    const wasActive = answered.some((one) => one.settled);
    for (const one of answered) {
      if (one.settled) continue;
      this.#remove(group, one);
      this.#reject(one, error);
    }
    // A subscription that worked before the reconnect: its handlers stay, the next connection tries again.
    if (wasActive) this.#options.onError(error);
  }

  #accept(group: Group, member: Member): void {
    if (!this.#settle(member)) return;
    member.resolve(new LiveSubscription(group, () => this.#close(group, member)));
  }

  async #close(group: Group, member: Member): Promise<void> {
    if (!group.members.has(member)) return;
    this.#remove(group, member);
    const kept = this.#groups.get(group.filter);
    if (this.#connection === undefined) {
      if (kept === undefined) this.#unwanted.add(group.filter);
    } else if (kept === undefined) await this.#unsubscribe(this.#connection, group.filter);
    else if (hasStaleFlags(kept)) await this.#send(this.#connection, kept, 'subscribed');
  }

  #remove(group: Group, member: Member): void {
    group.members.delete(member);
    group.queues = group.queues.filter((queue) => queue !== member.queue);
    member.queue.close();
    if (group.members.size > 0 || this.#groups.get(group.filter) !== group) return;
    this.#groups.delete(group.filter);
    this.#routes.delete(group, group.filter);
  }

  #group(filter: string): Group {
    const existing = this.#groups.get(filter);
    if (existing !== undefined) return existing;
    const flags = { noLocal: false, retainAsPublished: false };
    const group: Group = { filter, members: new Set(), queues: [], grantedQos: 0, granted: false, flags };
    this.#groups.set(filter, group);
    this.#routes.add(group, filter);
    this.#unwanted.delete(filter);
    return group;
  }

  /** For a new handler: it alone gets the retained messages that the SUBSCRIBE brings. For those `subscribed`: it brings none. */
  #send(connection: Connection, group: Group, answers: Answers): Promise<void> {
    const id = this.#options.ids.tryTake();
    const member = typeof answers === 'object' ? answers : undefined;
    if (id === undefined) {
      const error = new LinkError('queue-full', 'all 65 535 packet identifiers are in use');
      if (member !== undefined) this.#giveUp(group, member, error);
      return Promise.resolve();
    }
    const merged = mergeOptions(group, member);
    group.flags = merged;
    // With Retain As Published a live message may look like a replay.
    const target = group.members.size > 1 && !merged.retainAsPublished ? member : undefined;
    const withIds = this.#features?.subscriptionIdentifiersAvailable ?? true;
    const subscriptionId = withIds ? this.#routes.issueId(group, group.filter, target) : undefined;
    const retainHandling = answers === 'subscribed' ? 2 : merged.retainHandling;
    connection.send(encodeSubscribe(id, { filter: group.filter, ...merged, retainHandling, subscriptionId }));
    return new Promise((settle) => this.#pending.set(id, { group, answers, settle }));
  }

  #unsubscribe(connection: Connection, filter: string): Promise<void> {
    const id = this.#options.ids.tryTake();
    this.#unwanted.delete(filter);
    if (id === undefined) return Promise.resolve();
    connection.send(encodeUnsubscribe(id, filter));
    return new Promise((settle) => this.#pending.set(id, { group: undefined, answers: 'all', settle }));
  }

  *#unanswered(): Iterable<Member> {
    for (const { members } of this.#groups.values())
      for (const member of members) if (!member.settled) yield member;
  }

  #expire(member: Member): void {
    for (const group of this.#groups.values()) {
      if (!group.members.has(member)) continue;
      this.#giveUp(group, member, new LinkError('ack-timeout', `no SUBACK for "${group.filter}" in time`));
      return;
    }
  }

  #giveUp(group: Group, member: Member, error: LinkError): void {
    void this.#close(group, member);
    this.#reject(member, error);
  }

  #rejectUnanswered(error: LinkError): void {
    // A Map and a Set may lose the current item while they are iterated.
    for (const group of this.#groups.values()) {
      for (const member of group.members) {
        if (member.settled) continue;
        this.#remove(group, member);
        this.#reject(member, error);
      }
    }
  }

  #reject(member: Member, error: LinkError): void {
    if (this.#settle(member)) member.reject(error);
  }

  #settle(member: Member): boolean {
    if (member.settled) return false;
    member.settled = true;
    return true;
  }

  #queueOptions(filter: string, options: SubscribeOptions): ConstructorParameters<typeof HandlerQueue>[1] {
    const maxQueued = options.maxQueued ?? 10_000;
    return {
      manualAck: options.manualAck ?? false,
      concurrency: options.concurrency ?? 1,
      maxQueued,
      onError: (cause, { topic }) => {
        const why = cause instanceof Error ? cause.message : String(cause);
        const message = `the handler of "${filter}" failed on a message of "${topic}": ${why}`;
        this.#options.onError(new LinkError('handler-failed', message, { cause }));
      },
      onOverflow: () => {
        const message = `the handler of "${filter}" is behind by ${maxQueued} messages; the oldest of QoS 0 is dropped`;
        this.#options.onError(new LinkError('queue-overflow', message));
      },
    };
  }
}

function subscribeRefused(filter: string, reasonCode: number, reasonString: string | undefined): LinkError {
  const text = describeReason(reasonCode, reasonString);
  return new LinkError('subscribe-refused', `the broker refused the subscription to "${filter}": ${text}`, {
    reasonCode,
    reasonString,
  });
}
