import type { Route } from '../core/routes.ts';
import type { InboundMessage, Qos, SubscribeOptions, Subscription } from '../link.ts';
import type { LinkError } from '../core/link-error.ts';
import type { Timed } from './deadlines.ts';
import type { HandlerQueue } from './handler-queue.ts';

/** One handler of a filter. */
export interface Member extends Timed {
  readonly options: SubscribeOptions;
  readonly queue: HandlerQueue;
  settled: boolean;
  readonly resolve: (subscription: Subscription) => void;
  readonly reject: (error: LinkError) => void;
}

/** All handlers of one filter share one subscription on the broker. */
export interface Group {
  readonly filter: string;
  readonly members: Set<Member>;
  /** Those of the members, renewed when they change. */
  queues: readonly HandlerQueue[];
  grantedQos: Qos;
  /** The broker has it: SUBACK seen in this session. */
  granted: boolean;
  /** What the last SUBSCRIBE of it said. */
  flags: SubscriptionFlags;
}

/** What handlers of one filter cannot have each for itself. */
export interface SubscriptionFlags {
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
}

export class LiveSubscription implements Subscription {
  readonly #group: Group;
  readonly #close: () => Promise<void>;

  constructor(group: Group, close: () => Promise<void>) {
    this.#group = group;
    this.#close = close;
  }

  get filter(): string {
    return this.#group.filter;
  }

  get grantedQos(): Qos {
    return this.#group.grantedQos;
  }

  close(): Promise<void> {
    return this.#close();
  }
}

/** Whom a message goes to by one route. */
export function queuesOf(
  { group, target }: Route<Group, Member>,
  message: InboundMessage,
): readonly HandlerQueue[] {
  if (target === undefined || !message.retain) return group.queues;
  // A target that is gone takes its replay with it.
  return group.members.has(target) ? [target.queue] : [];
}

/** The options of one SUBSCRIBE that serves all handlers of a filter. `newest`: retained messages are for that one alone. */
export function mergeOptions(
  group: Group,
  newest: Member | undefined,
): SubscriptionFlags & { readonly qos: Qos; readonly retainHandling: 0 | 1 | 2 } {
  const all = [...group.members].map((member) => member.options);
  const handling = newest === undefined ? all : [newest.options];
  return {
    ...flagsOf(group),
    qos: Math.max(...all.map((options) => options.qos ?? 1)) as Qos,
    retainHandling: Math.min(...handling.map((options) => options.retainHandling ?? 0)) as 0 | 1 | 2,
  };
}

function flagsOf({ filter, members }: Group): SubscriptionFlags {
  const all = [...members].map((member) => member.options);
  return {
    // The protocol forbids No Local on a shared subscription (MQTT 5 §3.8.3.1).
    noLocal: !filter.startsWith('$share/') && all.every((options) => options.noLocal === true),
    retainAsPublished: all.some((options) => options.retainAsPublished === true),
  };
}

/** The broker has flags that only a handler wanted that has closed. */
export function hasStaleFlags(group: Group): boolean {
  const { noLocal, retainAsPublished } = flagsOf(group);
  return group.flags.noLocal !== noLocal || group.flags.retainAsPublished !== retainAsPublished;
}
