import { accept, mayRetain } from './accept.ts';
import { sendDisconnect } from './answers.ts';
import type { Context } from './context.ts';
import { messageBytes } from './message.ts';
import { announcePresence } from './registry/presence.ts';
import { reroute } from './routing.ts';
import {
  isPersistent,
  NEVER_EXPIRES,
  type Connection,
  type Delivery,
  type Session,
  type Will,
} from './session.ts';

/** Ends a connection from this side: DISCONNECT with the reason (MQTT 5), then as if it had been lost. */
export function disconnect(
  cx: Context,
  connection: Connection,
  reasonCode: number,
  reasonString?: string,
): void {
  if (connection.session.connection !== connection) return;
  sendDisconnect(connection, reasonCode, reasonString);
  connection.port.close();
  detach(cx, connection, true);
}

/** The network connection is gone. `withWill` is false after a DISCONNECT with reason 0. */
export function detach(cx: Context, connection: Connection, withWill: boolean): void {
  const { session } = connection;
  if (session.connection !== connection) return;
  session.connection = undefined;
  session.disconnectedAtMs = cx.now;
  cx.stats.connections--;
  if (!withWill && session.will !== undefined) {
    session.will = undefined;
    cx.journal.will(session, undefined);
  }
  rerouteUnacknowledged(cx, session, true);
  if (!isPersistent(session)) {
    endSession(cx, session);
  } else {
    session.willDueAtMs = session.will === undefined ? Infinity : cx.now + session.will.delaySeconds * 1000;
    cx.journal.session(session);
    if (session.willDueAtMs <= cx.now) sendWill(cx, session);
    else schedule(cx, session);
  }
  announcePresence(cx, connection);
}

/** The next moment at which a disconnected session changes by itself. */
export function schedule(cx: Context, session: Session): void {
  const due = Math.min(session.willDueAtMs, expiresAtMs(session));
  cx.events.schedule(session.clientId, due === Infinity ? undefined : due);
}

export const expiresAtMs = (session: Session): number =>
  session.expirySeconds === NEVER_EXPIRES
    ? Infinity
    : session.disconnectedAtMs + session.expirySeconds * 1000;

/** Called when a scheduled moment came: a delayed will, or the end of the session. */
export function expire(cx: Context, clientId: string): void {
  const session = cx.sessions.get(clientId);
  if (session === undefined || session.connection !== undefined) return;
  if (expiresAtMs(session) <= cx.now) {
    endSession(cx, session);
    return;
  }
  if (session.willDueAtMs <= cx.now) sendWill(cx, session);
  schedule(cx, session);
}

function sendWill(cx: Context, session: Session): void {
  const { will } = session;
  session.will = undefined;
  session.willDueAtMs = Infinity;
  if (will === undefined) return;
  cx.journal.will(session, undefined);
  publishWill(cx, session.clientId, will);
}

/** Rules may have changed since CONNECT. */
function mayPublishWill(cx: Context, clientId: string, { owner, message }: Will): boolean {
  if (owner === undefined || cx.authorize === undefined) return true;
  const { username, mount, grants } = owner;
  return cx.authorize({ clientId, username, grants }, 'publish', message.topic.slice(mount.length), message);
}

/** Publishes a will under the same rules as any message. */
export function publishWill(cx: Context, clientId: string, will: Will): void {
  if (!mayPublishWill(cx, clientId, will)) {
    cx.stats.publishesRefused++;
    cx.events.log('warn', 'will refused: its client may not publish to its topic any more', {
      clientId,
      topic: will.message.topic,
    });
    return;
  }
  const expiresAt = will.expirySeconds === undefined ? Infinity : cx.now + will.expirySeconds * 1000;
  const verdict = cx.registry?.examine(will.message, clientId, 'will', cx.now);
  if (verdict?.rejection !== undefined) {
    cx.events.log('warn', 'will refused by the registry', { clientId, reason: verdict.rejection.reason });
    return;
  }
  const send = (): void => {
    const message = { ...will.message, expiresAtMs: expiresAt, card: verdict?.card };
    accept(cx, message, mayRetain(cx, message));
  };
  if (verdict?.card !== undefined && will.delaySeconds === 0) cx.registry?.whileLeaving(clientId, send);
  else send();
}

/** Ends a session: its subscriptions, its queue and its records are gone, a pending will is sent. */
export function endSession(cx: Context, session: Session): void {
  if (session.ended) return;
  session.ended = true;
  cx.sessions.delete(session.clientId);
  cx.events.schedule(session.clientId, undefined);
  for (const subscription of session.subscriptions.values()) cx.subscriptions.remove(subscription);
  rerouteUnacknowledged(cx, session, false);
  cx.journal.sessionEnded(session);
  sendWill(cx, session);
}

/**
 * What a member of a shared subscription has not acknowledged goes to another member: when the connection is lost, if another one is
 * connected; when the session ends, to whoever is left. QoS 2 that was begun stays (MQTT 5 §4.8.2).
 */
function rerouteUnacknowledged(cx: Context, session: Session, connectedOnly: boolean): void {
  for (const [id, delivery] of session.inflight) {
    if (delivery.share === undefined || delivery.qos !== 1) continue;
    if (!reroute(cx, session, delivery, connectedOnly)) continue;
    session.inflight.delete(id);
    // Recorded while the session was persistent, which a DISCONNECT may just have ended.
    cx.journal.delivered(session, delivery, true);
  }
  if (session.queue.length === 0) return;
  const waiting = session.queue.drain();
  session.queuedBytes = 0;
  for (const delivery of waiting) {
    if (reroute(cx, session, delivery, connectedOnly)) cx.journal.delivered(session, delivery, true);
    else requeue(session, delivery);
  }
}

function requeue(session: Session, delivery: Delivery): void {
  session.queue.push(delivery);
  session.queuedBytes += messageBytes(delivery.message);
}
