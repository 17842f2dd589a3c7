import { encodeSuback, encodeUnsuback } from './codec/encode.ts';
import type { Context } from './context.ts';
import { deliver } from './delivery.ts';
import { isExpired } from './message.ts';
import type { SubscribeEntry, SubscribePacket, UnsubscribePacket } from './packets.ts';
import { protocolError, Reason } from './reason-codes.ts';
import { isPersistent, type Connection, type Subscription } from './session.ts';
import { tryParseFilter, type ParsedFilter } from './topics.ts';

interface Granted {
  readonly subscription: Subscription;
  readonly sendRetained: boolean;
}

const mountedKey = (mount: string, { filter, group }: ParsedFilter): string =>
  group === undefined ? mount + filter : `$share/${group}/${mount}${filter}`;

function grant(
  cx: Context,
  connection: Connection,
  entry: SubscribeEntry,
  subscriptionId: number | undefined,
): Granted | number {
  const { session } = connection;
  const parsed = tryParseFilter(entry.filter);
  if (parsed === undefined) return Reason.topicFilterInvalid;
  if (parsed.group !== undefined && entry.noLocal)
    throw protocolError('subscription options: no local on a shared subscription');
  if (cx.authorize?.(connection.identity, 'subscribe', parsed.filter) === false) {
    return Reason.notAuthorized;
  }
  const { mount } = connection;
  const key = mountedKey(mount, parsed);
  const known = session.subscriptions.get(key);
  if (known === undefined && session.subscriptions.size >= cx.limits.maxSubscriptionsPerClient)
    return Reason.quotaExceeded;
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
  const { session } = subscription;
  if (!cx.switches.retainer) return;
  for (const message of cx.retained.match(subscription.filter)) {
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
  const results = packet.entries.map((entry) => grant(cx, connection, entry, packet.subscriptionId));
  const codes = results.map((result) => (typeof result === 'number' ? result : result.subscription.qos));
  connection.port.send(
    encodeSuback(connection.version, packet.packetId, codes),
    isPersistent(connection.session),
  );
  for (const result of results) {
    if (typeof result !== 'number' && result.sendRetained) sendRetained(cx, result.subscription);
  }
}

export function unsubscribe(cx: Context, connection: Connection, packet: UnsubscribePacket): void {
  const { session } = connection;
  const codes = packet.filters.map((filter) => {
    const parsed = tryParseFilter(filter);
    if (parsed === undefined) return Reason.topicFilterInvalid;
    const key = mountedKey(connection.mount, parsed);
    const subscription = session.subscriptions.get(key);
    if (subscription === undefined) return Reason.noSubscriptionExisted;
    session.subscriptions.delete(key);
    cx.subscriptions.remove(subscription);
    if (isPersistent(session)) cx.journal.subscription(session, key, undefined);
    return Reason.success;
  });
  connection.port.send(encodeUnsuback(connection.version, packet.packetId, codes), isPersistent(session));
}
