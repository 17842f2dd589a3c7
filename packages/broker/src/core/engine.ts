import { accept, sweepRetained } from './accept.ts';
import { acknowledge } from './acknowledge.ts';
import { PINGRESP } from './codec/encode.ts';
import { NO_PROPERTIES } from './codec/properties.ts';
import { connect } from './connect.ts';
import type { Context, EngineStats } from './context.ts';
import { pump } from './delivery.ts';
import { detach, disconnect, expire } from './lifecycle.ts';
import { createMessage } from './message.ts';
import type { ClientPacket, ConnectPacket, DisconnectPacket } from './packets.ts';
import { protocolError, Reason } from './reason-codes.ts';
import { restore, type Snapshot } from './restore.ts';
import { RetainedTree } from './retained-tree.ts';
import { publish } from './publish.ts';
import type { Admitted, Connection, ConnectionPort } from './session.ts';
import { subscribe, unsubscribe, withdrawForbidden, withdrawnReason } from './subscribe.ts';
import { SubscriptionTree } from './subscription-tree.ts';
import { TopicBytes } from './topic-bytes.ts';
import { TokenBucket } from './token-bucket.ts';

export type EngineOptions = Pick<
  Context,
  'limits' | 'registry' | 'journal' | 'events' | 'authorize' | 'responseInformation'
> & {
  readonly sessions?: Context['sessions'];
};

/** The broker without sockets, clock or disk: every call is one step at the given time. */
export interface Engine {
  readonly context: Context;
  readonly stats: EngineStats;
  /** Undefined when the client was refused; the port then has its CONNACK and is closed. */
  connect(
    port: ConnectionPort,
    packet: ConnectPacket,
    assignedClientId: string,
    now: number,
    admitted: Admitted,
  ): Connection | undefined;
  /** Throws PacketError when the connection must end. */
  receive(connection: Connection, packet: ClientPacket, now: number): void;
  disconnect(connection: Connection, reasonCode: number, reason: string | undefined, now: number): void;
  /** Rules were changed: ends subscriptions that would not be granted now, and the connection, so that the client learns of it. */
  recheck(connection: Connection, now: number): boolean;
  /** The network connection was lost without DISCONNECT. */
  lost(connection: Connection, now: number): void;
  writable(connection: Connection, now: number): void;
  expire(clientId: string, now: number): void;
  sweep(now: number): void;
  /** Before the first connection: what the store held. */
  restore(snapshot: Snapshot, now: number): void;
  /** A step of a caller's own, for what clients do not do themselves: the management of the registry. */
  step<T>(now: number, step: (context: Context) => T): T;
  /** A retained message of the broker itself, under `$SYS/`. */
  announce(topic: string, payload: string, now: number): void;
}

function onDisconnect(cx: Context, connection: Connection, packet: DisconnectPacket): void {
  const { session } = connection;
  if (packet.sessionExpirySeconds !== undefined) {
    if (session.expirySeconds === 0 && packet.sessionExpirySeconds > 0) {
      throw protocolError('session expiry interval: cannot be set at DISCONNECT when it was 0 at CONNECT');
    }
    session.expirySeconds = Math.min(packet.sessionExpirySeconds, cx.limits.maxSessionExpirySeconds);
  }
  connection.port.close();
  detach(cx, connection, packet.reasonCode !== Reason.success);
}

function receive(cx: Context, connection: Connection, packet: ClientPacket): void {
  if (connection.session.connection !== connection) return;
  switch (packet.type) {
    case 'publish':
      return publish(cx, connection, packet);
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return acknowledge(cx, connection, packet);
    case 'subscribe':
      return subscribe(cx, connection, packet);
    case 'unsubscribe':
      return unsubscribe(cx, connection, packet);
    case 'pingreq':
      return connection.port.send(PINGRESP, false);
    case 'disconnect':
      return onDisconnect(cx, connection, packet);
    case 'auth':
      throw protocolError('AUTH: no authentication method was agreed');
    default:
      throw protocolError(`${packet.type}: not expected here`);
  }
}

/** Ending a connection may send a will that fills the next queue, so this goes on until nobody is left to evict. */
function evict(cx: Context): void {
  for (const connection of cx.evictions) {
    cx.evictions.delete(connection);
    disconnect(cx, connection, Reason.quotaExceeded, 'queue of this session is full: read faster');
  }
}

/** True when the connection was ended: MQTT has no other word for a subscription that is over. */
function recheck(cx: Context, connection: Connection): boolean {
  if (connection.session.connection !== connection) return false;
  const filters = withdrawForbidden(cx, connection);
  if (filters.length === 0) return false;
  disconnect(cx, connection, Reason.notAuthorized, withdrawnReason(filters));
  return true;
}

export function createEngine(options: EngineOptions): Engine {
  const stats: EngineStats = {
    messagesReceived: 0,
    messagesSent: 0,
    messagesDropped: 0,
    publishesRefused: 0,
    connections: 0,
  };
  const { maxRetainedPerSecond } = options.limits;
  const cx: Context = {
    ...options,
    switches: { retainer: true },
    retainRate: maxRetainedPerSecond === 0 ? undefined : new TokenBucket(maxRetainedPerSecond, 1_000, 0),
    sessions: options.sessions ?? new Map(),
    subscriptions: new SubscriptionTree(),
    retained: new RetainedTree(),
    stats,
    now: 0,
    evictions: new Set(),
    encoded: { message: undefined, variants: new Map() },
    kept: undefined,
    topicBytes: new TopicBytes(),
  };
  const at = <T>(now: number, step: () => T): T => {
    cx.now = now;
    const result = step();
    if (cx.evictions.size > 0) evict(cx);
    return result;
  };
  return {
    context: cx,
    stats,
    connect: (port, packet, assignedClientId, now, admitted) =>
      at(now, () => connect(cx, port, packet, { assignedClientId, admitted })),
    receive: (connection, packet, now) => at(now, () => receive(cx, connection, packet)),
    disconnect: (connection, reasonCode, reason, now) =>
      at(now, () => disconnect(cx, connection, reasonCode, reason)),
    recheck: (connection, now) => at(now, () => recheck(cx, connection)),
    lost: (connection, now) => at(now, () => detach(cx, connection, true)),
    writable: (connection, now) => at(now, () => pump(cx, connection.session)),
    expire: (clientId, now) => at(now, () => expire(cx, clientId)),
    sweep: (now) => at(now, () => sweepRetained(cx)),
    restore: (snapshot, now) => at(now, () => restore(cx, snapshot)),
    step: (now, step) => at(now, () => step(cx)),
    announce: (topic, payload, now) =>
      at(now, () => {
        const fields = {
          topic,
          payload: Buffer.from(payload),
          qos: 0 as const,
          retain: true,
          properties: NO_PROPERTIES,
        };
        accept(cx, createMessage(fields, '', now), true);
      }),
  };
}
