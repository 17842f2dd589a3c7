import type { Context } from './context.ts';
import { deliver } from './delivery.ts';
import { ownMessage, type Message } from './message.ts';
import type { Qos } from './packets.ts';
import { isPersistent, type Delivery, type Session, type Subscription } from './session.ts';
import type { ShareGroup } from './subscription-tree.ts';

interface Merged {
  qos: Qos;
  retain: boolean;
  subscriptionIds: number[];
}

const NO_IDS: readonly number[] = [];

const least = (a: Qos, b: Qos): Qos => (a < b ? a : b);

/** Can take a message at once: connected, with room in its Receive Maximum. */
function isReady({ session }: Subscription): boolean {
  const { connection } = session;
  return (
    connection !== undefined &&
    session.queue.length === 0 &&
    connection.repeats.size === 0 &&
    session.inflight.size < connection.receiveMaximum
  );
}

/**
 * The next member in turn that can take a message at once; else one that is connected and has to catch up; else one whose session
 * keeps it for later.
 */
export function chooseMember(group: ShareGroup, except?: Session): Subscription | undefined {
  const { members } = group;
  let connected = -1;
  let offline: Subscription | undefined;
  for (let i = 0; i < members.length; i++) {
    const at = (group.next + i) % members.length;
    const member = members[at] as Subscription;
    if (member.session === except) continue;
    if (isReady(member)) {
      group.next = (at + 1) % members.length;
      return member;
    }
    if (member.session.connection === undefined) offline ??= member;
    else if (connected === -1) connected = at;
  }
  if (connected === -1) return offline;
  group.next = (connected + 1) % members.length;
  return members[connected];
}

/** Whether a message of QoS 1 or 2 has to be at hand after it was sent, to be sent again. A queue keeps its own copy. */
const isKept = (subscriptions: readonly Subscription[], groups: readonly ShareGroup[]): boolean =>
  groups.length > 0 || subscriptions.some(({ session }) => isPersistent(session));

/**
 * Sends a message to every matching session once, with the highest QoS and all subscription identifiers, and to one member of every
 * matching group. Returns how many sessions took it.
 */
export function route(cx: Context, published: Message): number {
  const { subscriptions, distinct, groups } = cx.subscriptions.match(published.topic);
  if (subscriptions.length === 0 && groups.length === 0) return 0;
  const message = published.qos > 0 && isKept(subscriptions, groups) ? ownMessage(published) : published;
  let taken = 0;
  if (distinct) for (const subscription of subscriptions) taken += routeOne(cx, message, subscription);
  else taken += routeMerged(cx, message, subscriptions);
  for (const group of groups) {
    const member = chooseMember(group);
    if (member === undefined) continue;
    deliver(cx, member.session, message, {
      qos: least(member.qos, message.qos),
      retain: member.retainAsPublished && message.retain,
      subscriptionIds: member.subscriptionId === undefined ? NO_IDS : [member.subscriptionId],
      share: member.key,
    });
    taken++;
  }
  return taken;
}

function routeOne(cx: Context, message: Message, subscription: Subscription): number {
  if (subscription.noLocal && subscription.session.clientId === message.publisher) return 0;
  deliver(cx, subscription.session, message, {
    qos: least(subscription.qos, message.qos),
    retain: subscription.retainAsPublished && message.retain,
    subscriptionIds: subscription.subscriptionId === undefined ? NO_IDS : [subscription.subscriptionId],
    share: undefined,
  });
  return 1;
}

function routeMerged(cx: Context, message: Message, subscriptions: readonly Subscription[]): number {
  const merged = new Map<Session, Merged>();
  for (const subscription of subscriptions) {
    if (subscription.noLocal && subscription.session.clientId === message.publisher) continue;
    const qos = least(subscription.qos, message.qos);
    const retain = subscription.retainAsPublished && message.retain;
    const known = merged.get(subscription.session);
    if (known === undefined) {
      const subscriptionIds = subscription.subscriptionId === undefined ? [] : [subscription.subscriptionId];
      merged.set(subscription.session, { qos, retain, subscriptionIds });
      continue;
    }
    if (qos > known.qos) known.qos = qos;
    known.retain ||= retain;
    if (subscription.subscriptionId !== undefined) known.subscriptionIds.push(subscription.subscriptionId);
  }
  for (const [session, options] of merged) deliver(cx, session, message, { ...options, share: undefined });
  return merged.size;
}

/** Gives a message of a shared subscription to another member (MQTT 5 §4.8.2). False when there is none to take it. */
export function reroute(cx: Context, from: Session, delivery: Delivery, connectedOnly: boolean): boolean {
  if (delivery.share === undefined) return false;
  const slash = delivery.share.indexOf('/', 7);
  const group = cx.subscriptions.group(delivery.share.slice(slash + 1), delivery.share.slice(7, slash));
  if (group === undefined) return false;
  const member = chooseMember(group, from);
  if (member === undefined || (connectedOnly && member.session.connection === undefined)) return false;
  const { message, retain } = delivery;
  deliver(cx, member.session, message, {
    qos: least(member.qos, message.qos),
    retain,
    subscriptionIds: member.subscriptionId === undefined ? NO_IDS : [member.subscriptionId],
    share: member.key,
  });
  return true;
}
