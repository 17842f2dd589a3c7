import { sweepRetained } from './accept.ts';
import type { Context } from './context.ts';
import { expiresAtMs, expire, publishWill, schedule } from './lifecycle.ts';
import { messageBytes, type Message } from './message.ts';
import {
  createSession,
  isPersistent,
  type Delivery,
  type Session,
  type Subscription,
  type Will,
} from './session.ts';

export interface RestoredSession {
  readonly clientId: string;
  readonly holder: string | undefined;
  readonly expirySeconds: number;
  /** Undefined: it was connected when the broker died. */
  readonly disconnectedAtMs: number | undefined;
  readonly subscriptions: Omit<Subscription, 'session'>[];
  /** In the order of their sequence. */
  readonly deliveries: Delivery[];
  readonly inboundIds: number[];
}

export interface Snapshot {
  readonly retained: readonly Message[];
  readonly sessions: readonly RestoredSession[];
  /** By client id; also of clients whose session did not outlive the connection. */
  readonly wills: Map<string, Will>;
}

function restoreDeliveries(session: Session, deliveries: readonly Delivery[]): void {
  for (const delivery of deliveries) {
    session.nextSequence = Math.max(session.nextSequence, delivery.sequence + 1);
    if (delivery.state === 'queued') {
      session.queue.push(delivery);
      session.queuedBytes += messageBytes(delivery.message);
    } else {
      session.inflight.set(delivery.packetId, delivery);
      if (delivery.state === 'released') session.released++;
      session.nextPacketId = delivery.packetId === 65_535 ? 1 : delivery.packetId + 1;
    }
  }
}

function restoreSession(cx: Context, restored: RestoredSession, will: Will | undefined): Session {
  const session = createSession(restored.clientId, restored.expirySeconds);
  session.holder = restored.holder;
  session.disconnectedAtMs = restored.disconnectedAtMs ?? cx.now;
  session.will = will;
  if (will !== undefined) session.willDueAtMs = session.disconnectedAtMs + will.delaySeconds * 1000;
  for (const id of restored.inboundIds) session.inboundIds.add(id);
  for (const entry of restored.subscriptions) {
    const subscription: Subscription = { ...entry, session };
    session.subscriptions.set(subscription.key, subscription);
    cx.subscriptions.add(subscription);
  }
  restoreDeliveries(session, restored.deliveries);
  cx.sessions.set(session.clientId, session);
  if (restored.disconnectedAtMs === undefined && isPersistent(session)) cx.journal.session(session);
  return session;
}

/** Brings back what a store held. Clients that were connected count as lost now: their wills are sent as for any lost connection. */
export function restore(cx: Context, snapshot: Snapshot): void {
  for (const message of snapshot.retained) cx.retained.set(withCard(cx, message));
  sweepRetained(cx);
  const wills = new Map(snapshot.wills);
  const sessions = snapshot.sessions.map((restored) => {
    const will = wills.get(restored.clientId);
    wills.delete(restored.clientId);
    return restoreSession(cx, restored, will);
  });
  for (const session of sessions) {
    if (expiresAtMs(session) <= cx.now || session.willDueAtMs <= cx.now) expire(cx, session.clientId);
    else schedule(cx, session);
  }
  for (const [clientId, will] of wills) {
    cx.journal.will(createSession(clientId, 0), undefined);
    publishWill(cx, clientId, will);
  }
}

function withCard(cx: Context, message: Message): Message {
  const card = cx.registry?.cardOf(message);
  if (card === undefined) return message;
  card.announced = 'offline';
  return { ...message, card };
}
