import { sendDisconnect } from './answers.ts';
import { encodeConnack, type ConnackFields } from './codec/encode.ts';
import type { Context } from './context.ts';
import { Deque } from './deque.ts';
import { pump, resend } from './delivery.ts';
import { endSession, publishWill } from './lifecycle.ts';
import { createMessage, ownMessage } from './message.ts';
import type { ConnectPacket, WillPacket } from './packets.ts';
import { Reason } from './reason-codes.ts';
import { announcePresence } from './registry/presence.ts';
import {
  createSession,
  isPersistent,
  type Admitted,
  type Connection,
  type ConnectionPort,
  type Session,
  type Will,
} from './session.ts';
import { withdrawForbidden, withdrawnReason } from './subscribe.ts';

export interface Refusal {
  readonly reasonCode: number;
  readonly reason: string;
}

/** Of a CONNACK that tells which subscriptions are lost. */
const MAX_REASON_BYTES = 4_096;

const createWill = (packet: WillPacket, clientId: string, { username, mount, grants }: Admitted): Will => ({
  owner: { username, mount, grants },
  message: ownMessage(createMessage({ ...packet, topic: mount + packet.topic }, clientId, Infinity)),
  expirySeconds: packet.properties.expirySeconds,
  delaySeconds: packet.properties.willDelaySeconds,
});

/** Enhanced authentication is not offered (MQTT 5 §4.12). */
export function methodRefusal(packet: ConnectPacket): Refusal | undefined {
  if (packet.authenticationMethod === undefined) return undefined;
  return { reasonCode: Reason.badAuthenticationMethod, reason: 'authentication method: none is supported' };
}

function refusal(
  cx: Context,
  packet: ConnectPacket,
  clientId: string,
  will: Will | undefined,
  admitted: Admitted,
): Refusal | undefined {
  const method = methodRefusal(packet);
  if (method !== undefined) return method;
  if (packet.version === 4 && packet.clientId === '' && !packet.cleanStart) {
    return { reasonCode: Reason.clientIdNotValid, reason: 'client identifier: empty without clean session' };
  }
  if (Buffer.byteLength(packet.clientId) > cx.limits.maxClientIdBytes) {
    return {
      reasonCode: Reason.clientIdNotValid,
      reason: `client identifier: longer than ${cx.limits.maxClientIdBytes} bytes`,
    };
  }
  if (!cx.sessions.has(packet.clientId) && cx.sessions.size >= cx.limits.maxSessions) {
    return {
      reasonCode: Reason.quotaExceeded,
      reason: `sessions: the limit of ${cx.limits.maxSessions} is reached`,
    };
  }
  const known = cx.sessions.get(packet.clientId);
  if (known !== undefined && !admitted.bound && known.holder !== admitted.holder) {
    return {
      reasonCode: Reason.clientIdNotValid,
      reason: 'client identifier: its session belongs to another user',
    };
  }
  return will === undefined ? undefined : willRefusal(cx, clientId, packet, will, admitted);
}

function mayPublishWill(
  cx: Context,
  clientId: string,
  { will }: ConnectPacket,
  { username, grants }: Admitted,
): boolean {
  if (will === undefined) return true;
  if (will.topic.startsWith('$SYS/')) return false;
  return cx.authorize?.({ clientId, username, grants }, 'publish', will.topic, will) ?? true;
}

function willRefusal(
  cx: Context,
  clientId: string,
  packet: ConnectPacket,
  will: Will,
  admitted: Admitted,
): Refusal | undefined {
  if (!mayPublishWill(cx, clientId, packet, admitted)) {
    return {
      reasonCode: Reason.notAuthorized,
      reason: `will topic: not allowed to publish to ${packet.will?.topic}`,
    };
  }
  const rejection = cx.registry?.examine(will.message, clientId, 'connect', cx.now).rejection;
  if (rejection === undefined || rejection.silent) return undefined;
  return { reasonCode: rejection.reasonCode, reason: `will: ${rejection.reason}` };
}

/** Writes a CONNACK that refuses, as far as the client has room for it, and closes. */
export function refuse(
  port: ConnectionPort,
  packet: Pick<ConnectPacket, 'version' | 'requestProblemInformation' | 'maximumPacketBytes'>,
  why: Refusal,
): void {
  const { reasonCode } = why;
  const reasonString = packet.requestProblemInformation ? why.reason : undefined;
  const forms = [{ reasonCode, reasonString }, { reasonCode }].map((fields) =>
    encodeConnack(packet.version, fields),
  );
  const bytes = forms.find(({ length }) => length <= packet.maximumPacketBytes);
  if (bytes !== undefined) port.send(bytes, false);
  port.close();
}

interface Previous {
  readonly session: Session;
  readonly wasConnected: boolean;
  /** A will that the takeover sends (MQTT 5 §3.1.4). */
  readonly will: Will | undefined;
}

/** Takes the session of this client id away from whoever holds it. */
function evict(cx: Context, session: Session, cleanStart: boolean): Previous {
  const { connection } = session;
  if (connection === undefined) return { session, wasConnected: false, will: undefined };
  sendDisconnect(connection, Reason.sessionTakenOver, 'another connection uses this client identifier');
  connection.port.close();
  cx.stats.connections--;
  session.connection = undefined;
  session.disconnectedAtMs = cx.now;
  const { will } = session;
  session.will = undefined;
  if (will !== undefined) cx.journal.will(session, undefined);
  const ends = cleanStart || !isPersistent(session);
  const send = will !== undefined && (will.delaySeconds === 0 || ends);
  return { session, wasConnected: true, will: send ? will : undefined };
}

function openSession(
  cx: Context,
  packet: ConnectPacket,
  clientId: string,
): { session: Session; present: boolean; previous: Previous | undefined } {
  const expirySeconds = sessionExpiry(cx, packet);
  const known = cx.sessions.get(clientId);
  const previous = known === undefined ? undefined : evict(cx, known, packet.cleanStart);
  if (known !== undefined && !packet.cleanStart && isPersistent(known)) {
    cx.events.schedule(clientId, undefined);
    known.willDueAtMs = Infinity;
    known.expirySeconds = expirySeconds;
    return { session: known, present: true, previous };
  }
  if (known !== undefined) endSession(cx, known);
  const session = createSession(clientId, expirySeconds);
  cx.sessions.set(clientId, session);
  return { session, present: false, previous };
}

/** CONNECT of a client that is allowed in. Undefined when it was refused. */
export function connect(
  cx: Context,
  port: ConnectionPort,
  packet: ConnectPacket,
  options: { readonly assignedClientId: string; readonly admitted: Admitted },
): Connection | undefined {
  const clientId = packet.clientId === '' ? options.assignedClientId : packet.clientId;
  const { admitted } = options;
  // EMQX finds out only when it is to send the will, and then drops it.
  const willDropped = cx.registry?.profile.silent === true && !mayPublishWill(cx, clientId, packet, admitted);
  const will =
    packet.will === undefined || willDropped ? undefined : createWill(packet.will, clientId, admitted);
  const connack = connackFields(cx, packet, clientId, admitted);
  const why = refusal(cx, packet, clientId, will, admitted) ?? sizeRefusal(packet, connack);
  if (why !== undefined) {
    refuse(port, packet, why);
    return undefined;
  }
  const recorded = cx.journal.changes;
  const { session, present, previous } = openSession(cx, packet, clientId);
  session.holder = admitted.holder;
  const connection = attach(cx, port, packet, session, admitted);
  if (present && !isPersistent(session)) cx.journal.sessionEnded(session);
  session.will = will;
  if (will !== undefined || present) cx.journal.will(session, will);
  if (isPersistent(session)) cx.journal.session(session);
  const withdrawn = present ? withdrawForbidden(cx, connection) : [];
  const bytes = encodeWelcome(packet, { ...connack, sessionPresent: present }, withdrawn);
  port.send(bytes, cx.journal.changes !== recorded);
  if (previous?.will !== undefined) publishWill(cx, clientId, previous.will);
  announcePresence(cx, connection);
  if (present) {
    resend(cx, connection);
    pump(cx, session);
  }
  return connection;
}

/** Tells, if there is room, which subscriptions the session has lost. */
function encodeWelcome(packet: ConnectPacket, fields: ConnackFields, withdrawn: readonly string[]): Buffer {
  if (withdrawn.length > 0) {
    const told = encodeConnack(packet.version, { ...fields, reasonString: withdrawnReason(withdrawn) });
    if (told.length <= Math.min(packet.maximumPacketBytes, MAX_REASON_BYTES)) return told;
  }
  return encodeConnack(packet.version, fields);
}

function attach(
  cx: Context,
  port: ConnectionPort,
  packet: ConnectPacket,
  session: Session,
  admitted: Admitted,
): Connection {
  const connection: Connection = {
    port,
    version: packet.version,
    session,
    receiveMaximum: packet.receiveMaximum,
    maximumPacketBytes: packet.maximumPacketBytes,
    keepAliveSeconds: keepAlive(cx, packet),
    problemInformation: packet.requestProblemInformation,
    identity: { clientId: session.clientId, username: admitted.username, grants: admitted.grants },
    mount: admitted.mount,
    expiresAtMs: admitted.expiresAtMs,
    aliases: new Map(),
    outboundAliases: new Map(),
    outboundAliasMaximum: Math.min(packet.topicAliasMaximum, cx.limits.topicAliasMaximum),
    repeats: new Set(),
    backlog: new Deque(),
    backlogBytes: 0,
  };
  session.connection = connection;
  cx.stats.connections++;
  return connection;
}

function keepAlive(cx: Context, packet: ConnectPacket): number {
  const { maxKeepAliveSeconds } = cx.limits;
  if (packet.version === 4 || maxKeepAliveSeconds === 0) return packet.keepAliveSeconds;
  return packet.keepAliveSeconds === 0
    ? maxKeepAliveSeconds
    : Math.min(packet.keepAliveSeconds, maxKeepAliveSeconds);
}

const sessionExpiry = (cx: Context, packet: ConnectPacket): number =>
  Math.min(packet.sessionExpirySeconds, cx.limits.maxSessionExpirySeconds);

/** What CONNACK tells when the client is let in, but for Session Present. */
function connackFields(
  cx: Context,
  packet: ConnectPacket,
  clientId: string,
  { username }: Admitted,
): ConnackFields {
  const { limits } = cx;
  const expirySeconds = sessionExpiry(cx, packet);
  const keepAliveSeconds = keepAlive(cx, packet);
  return {
    reasonCode: Reason.success,
    sessionExpirySeconds: expirySeconds === packet.sessionExpirySeconds ? undefined : expirySeconds,
    receiveMaximum: limits.receiveMaximum === 65_535 ? undefined : limits.receiveMaximum,
    maximumPacketBytes: limits.maxPacketBytes,
    topicAliasMaximum: limits.topicAliasMaximum,
    assignedClientId: packet.clientId === '' ? clientId : undefined,
    serverKeepAliveSeconds: keepAliveSeconds === packet.keepAliveSeconds ? undefined : keepAliveSeconds,
    responseInformation: packet.requestResponseInformation
      ? cx.responseInformation?.({ clientId, username })
      : undefined,
  };
}

/** A client that has no room for CONNACK cannot be served (MQTT 5 §3.1.2.11.4). */
function sizeRefusal(packet: ConnectPacket, connack: ConnackFields): Refusal | undefined {
  if (packet.maximumPacketBytes === Infinity) return undefined;
  const { length } = encodeConnack(packet.version, connack);
  if (length <= packet.maximumPacketBytes) return undefined;
  return {
    reasonCode: Reason.packetTooLarge,
    reason: `maximum packet size: CONNACK takes ${length} bytes`,
  };
}
