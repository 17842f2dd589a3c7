import { sendSuback, sendUnsuback } from './answers.ts';
import { filterCovers } from './authorization/filter-covers.ts';
import type { Context } from './context.ts';
import { deliver } from './delivery.ts';
import { isExpired, messageBytes, type Message } from './message.ts';
import type { SubscribeEntry, SubscribePacket, UnsubscribePacket } from './packets.ts';
import { protocolError, Reason } from './reason-codes.ts';
import { reroute } from './routing.ts';
import { isPersistent, type Connection, type Delivery, type Session, type Subscription } from './session.ts';
import { tryParseFilter, type ParsedFilter } from './topics.ts';

interface Refused {
  readonly reasonCode: number;
  readonly reason: string;
}

interface Granted {
  readonly subscription: Subscription;
  readonly sendRetained: boolean;
}

const INVALID: Refused = { reasonCode: Reason.topicFilterInvalid, reason: 'topic filter: is not valid' };

const mountedKey = (mount: string, { filter, group }: ParsedFilter): string =>
  group === undefined ? mount + filter : `$share/${group}/${mount}${filter}`;

function grant(
  cx: Context,
  connection: Connection,
  entry: SubscribeEntry,
  subscriptionId: number | undefined,
): Granted | Refused {
  const { session } = connection;
  const parsed = tryParseFilter(entry.filter);
  if (parsed === undefined) return INVALID;
  if (cx.authorize?.(connection.identity, 'subscribe', parsed.filter) === false) {
    return {
      reasonCode: Reason.notAuthorized,
      reason: `topic filter: not allowed to subscribe to ${entry.filter}`,
    };
  }
  const { mount } = connection;
  const key = mountedKey(mount, parsed);
  const known = session.subscriptions.get(key);
  const { maxSubscriptionsPerClient } = cx.limits;
  if (known === undefined && session.subscriptions.size >= maxSubscriptionsPerClient) {
    const reason = `topic filter: the limit of ${maxSubscriptionsPerClient} subscriptions is reached`;
    return { reasonCode: Reason.quotaExceeded, reason };
  }
  const subscription: Subscription = {
    session,
    key,
    filter: mount + parsed.filter,
    group: parsed.group,
    qos: entry.qos,
    noLocal: entry.noLocal,
    retainAsPublished: entry.retainAsPublished,
    subscriptionId,
  };
  session.subscriptions.set(key, subscription);
  cx.subscriptions.add(subscription);
  if (isPersistent(session)) cx.journal.subscription(session, key, subscription);
  const wanted = entry.retainHandling === 0 || (entry.retainHandling === 1 && known === undefined);
  return { subscription, sendRetained: parsed.group === undefined && wanted };
}

function sendRetained(cx: Context, subscription: Subscription): void {
  if (!cx.switches.retainer) return;
  const perTurn = cx.registry?.profile.retainedPerTurn;
  if (perTurn === undefined) sendAll(cx, subscription, cx.retained.match(subscription.filter));
  else sendInTurns(cx, subscription, perTurn);
}

/** As EMQX: a SUBSCRIBE for a filter whose retained messages are still on their way brings nothing of its own. */
function sendInTurns(cx: Context, { session, key }: Subscription, perTurn: number): void {
  const replay = { connection: session.connection };
  if (session.replaying.get(key)?.connection === replay.connection) return;
  session.replaying.set(key, replay);
  let left: readonly Message[] | undefined;
  const turn = (cx: Context): void => {
    const subscription = session.subscriptions.get(key);
    if (subscription === undefined || session.replaying.get(key) !== replay) return;
    if (session.connection !== replay.connection) return void session.replaying.delete(key);
    left ??= cx.retained.match(subscription.filter);
    sendAll(cx, subscription, left.slice(0, perTurn));
    left = left.slice(perTurn);
    if (left.length > 0) cx.events.later(turn);
    else session.replaying.delete(key);
  };
  cx.events.later(turn);
}

function sendAll(cx: Context, subscription: Subscription, messages: readonly Message[]): void {
  const { session } = subscription;
  for (const message of messages) {
    if (isExpired(message, cx.now)) continue;
    if (subscription.noLocal && message.publisher === session.clientId) continue;
    deliver(cx, session, message, {
      qos: message.qos < subscription.qos ? message.qos : subscription.qos,
      // Only what the management API of EMQX wrote lacks the flag.
      retain: message.retain || subscription.retainAsPublished,
      subscriptionIds: subscription.subscriptionId === undefined ? [] : [subscription.subscriptionId],
      share: undefined,
    });
  }
}

/** SUBSCRIBE: SUBACK first, then the retained messages. Throws PacketError when the connection must end. */
export function subscribe(cx: Context, connection: Connection, packet: SubscribePacket): void {
  const { packetId, entries, subscriptionId } = packet;
  for (const { filter, noLocal } of entries) {
    if (noLocal && filter.startsWith('$share/'))
      throw protocolError('subscription options: no local on a shared subscription');
  }
  const results = entries.map((entry) => grant(cx, connection, entry, subscriptionId));
  const codes = results.map((result) => ('reason' in result ? result.reasonCode : result.subscription.qos));
  const reason = results.find((result) => 'reason' in result)?.reason;
  sendSuback(connection, { packetId, codes, reason }, isPersistent(connection.session));
  for (const result of results) {
    if (!('reason' in result) && result.sendRetained) sendRetained(cx, result.subscription);
  }
}

function remove(cx: Context, session: Session, subscription: Subscription): void {
  session.subscriptions.delete(subscription.key);
  session.replaying.delete(subscription.key);
  cx.subscriptions.remove(subscription);
  if (isPersistent(session)) cx.journal.subscription(session, subscription.key, undefined);
}

/** A filter as the client wrote it; one from a namespace that the client is not in any more, as it is. */
const written = ({ filter, group }: Subscription, mount: string): string => {
  const own = filter.startsWith(mount) ? filter.slice(mount.length) : filter;
  return group === undefined ? own : `$share/${group}/${own}`;
};

/**
 * Ends the subscriptions of a connected client that it would not be granted now, and returns their filters as the client wrote them. What
 * they brought into its queue goes with them: while the client was away, nobody asked whether they still may.
 */
export function withdrawForbidden(cx: Context, { session, identity, mount }: Connection): readonly string[] {
  const forbidden = [...session.subscriptions.values()].filter(
    ({ filter }) =>
      !filter.startsWith(mount) ||
      cx.authorize?.(identity, 'subscribe', filter.slice(mount.length)) === false,
  );
  if (forbidden.length === 0) return [];
  for (const subscription of forbidden) remove(cx, session, subscription);
  const dropped = withdrawQueued(cx, session, forbidden);
  const filters = forbidden.map((subscription) => written(subscription, mount));
  cx.events.log('warn', 'subscriptions ended: not allowed any more', { ...identity, filters, dropped });
  return filters;
}

/** Takes out of a queue what came by these subscriptions alone: another member of a group gets it, or nobody. Returns how many nobody gets. */
function withdrawQueued(cx: Context, session: Session, forbidden: readonly Subscription[]): number {
  const shares = new Set(forbidden.flatMap(({ key, group }) => (group === undefined ? [] : [key])));
  const filters = forbidden.flatMap(({ filter, group }) => (group === undefined ? [filter] : []));
  const isWithdrawn = ({ share, message: { topic } }: Delivery): boolean => {
    if (share !== undefined) return shares.has(share);
    if (!filters.some((filter) => filterCovers(filter, topic))) return false;
    return !cx.subscriptions.match(topic).subscriptions.some((other) => other.session === session);
  };
  let dropped = 0;
  for (const delivery of session.queue.drain()) {
    if (!isWithdrawn(delivery)) {
      session.queue.push(delivery);
      continue;
    }
    session.queuedBytes -= messageBytes(delivery.message);
    const moved = reroute(cx, session, delivery, false);
    cx.journal.delivered(session, delivery, moved);
    if (!moved) dropped++;
  }
  cx.stats.messagesDropped += dropped;
  return dropped;
}

export const withdrawnReason = (filters: readonly string[]): string =>
  `subscriptions: not allowed any more: ${filters.join(', ')}`;

export function unsubscribe(cx: Context, connection: Connection, packet: UnsubscribePacket): void {
  const { session } = connection;
  const codes = packet.filters.map((filter) => {
    const parsed = tryParseFilter(filter);
    if (parsed === undefined) return Reason.topicFilterInvalid;
    const key = mountedKey(connection.mount, parsed);
    const subscription = session.subscriptions.get(key);
    if (subscription === undefined) return Reason.noSubscriptionExisted;
    remove(cx, session, subscription);
    return Reason.success;
  });
  const reason = codes.includes(Reason.topicFilterInvalid) ? INVALID.reason : undefined;
  sendUnsuback(connection, { packetId: packet.packetId, codes, reason }, isPersistent(session));
}
