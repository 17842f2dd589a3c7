import { sendAck } from './answers.ts';
import { encodePublish, packetIdOffset } from './codec/encode.ts';
import type { Context } from './context.ts';
import {
  FORGOTTEN,
  isExpired,
  messageBytes,
  ownMessage,
  remainingExpirySeconds,
  type Message,
} from './message.ts';
import type { Qos } from './packets.ts';
import { isPersistent, takePacketId, type Connection, type Delivery, type Session } from './session.ts';

export interface DeliverOptions {
  readonly qos: Qos;
  readonly retain: boolean;
  readonly subscriptionIds: readonly number[];
  readonly share: string | undefined;
}

/** A copy for all queues that a message waits in. */
function keep(cx: Context, message: Message): Message {
  if (cx.kept?.from !== message) cx.kept = { from: message, own: ownMessage(message) };
  return cx.kept.own;
}

/** Hands a message to one session: sends it, or keeps it within the limits until it can be sent. */
export function deliver(cx: Context, session: Session, message: Message, options: DeliverOptions): void {
  const { connection } = session;
  const delivery: Delivery = {
    sequence: session.nextSequence++,
    message,
    qos: options.qos,
    retain: options.retain,
    subscriptionIds: options.subscriptionIds,
    share: options.share,
    packetId: 0,
    state: 'queued',
  };
  if (options.qos === 0) {
    if (connection === undefined) return;
    if (connection.backlog.length === 0 && connection.port.canWrite()) write(cx, connection, delivery, false);
    else if (
      connection.backlog.length >= cx.limits.maxQueuedMessages ||
      connection.backlogBytes >= cx.limits.maxQueuedBytes
    ) {
      cx.stats.messagesDropped++;
    } else {
      delivery.message = keep(cx, message);
      connection.backlog.push(delivery);
      connection.backlogBytes += messageBytes(message);
    }
    return;
  }
  if (
    connection !== undefined &&
    session.queue.length === 0 &&
    connection.repeats.size === 0 &&
    maySend(cx, connection)
  ) {
    send(cx, connection, delivery);
    return;
  }
  if (
    session.queue.length >= cx.limits.maxQueuedMessages ||
    session.queuedBytes >= cx.limits.maxQueuedBytes
  ) {
    overflow(cx, session);
    return;
  }
  delivery.message = keep(cx, message);
  session.queue.push(delivery);
  session.queuedBytes += messageBytes(message);
  if (isPersistent(session)) cx.journal.delivery(session, delivery);
}

/** A full queue takes nothing more. A connected client is told by DISCONNECT 0x97, so that no gap goes unnoticed. */
function overflow(cx: Context, session: Session): void {
  cx.stats.messagesDropped++;
  if (!session.overflowing) {
    session.overflowing = true;
    cx.events.log('warn', 'queue of a session is full: new messages for it are dropped', {
      clientId: session.clientId,
      queued: session.queue.length,
      queuedBytes: session.queuedBytes,
    });
  }
  if (session.connection !== undefined) cx.evictions.add(session.connection);
}

/** How many handshakes of QoS 2 may wait for their end besides the messages that count for `maxInflight`, as a multiple of it. */
const ENDING_FACTOR = 3;

/**
 * What was sent and not acknowledged on this connection stays within the client's Receive Maximum, which counts a message of QoS 2 until its
 * PUBCOMP, and within `maxInflight`, which counts it until its PUBREC: from then on it has no content any more.
 */
function maySend(cx: Context, { session, repeats, receiveMaximum, port }: Connection): boolean {
  const { maxInflight } = cx.limits;
  const outstanding = session.inflight.size - repeats.size;
  return (
    outstanding < receiveMaximum &&
    outstanding - session.released < maxInflight &&
    session.released < maxInflight * ENDING_FACTOR &&
    port.canWrite()
  );
}

function send(cx: Context, connection: Connection, delivery: Delivery): void {
  const { session } = connection;
  if (isExpired(delivery.message, cx.now)) {
    cx.stats.messagesDropped++;
    if (delivery.state === 'queued' && isPersistent(session)) cx.journal.delivered(session, delivery);
    return;
  }
  delivery.packetId = takePacketId(session);
  delivery.state = 'sent';
  session.inflight.set(delivery.packetId, delivery);
  if (isPersistent(session)) cx.journal.delivery(session, delivery);
  if (!write(cx, connection, delivery, false)) {
    session.inflight.delete(delivery.packetId);
    if (isPersistent(session)) cx.journal.delivered(session, delivery);
  } else if (!isPersistent(session) && delivery.share === undefined) delivery.message = FORGOTTEN;
}

/** Sends what is waiting, as far as the client's Receive Maximum and the socket allow. */
export function pump(cx: Context, session: Session): void {
  const { connection } = session;
  if (connection === undefined) return;
  repeat(cx, connection);
  if (connection.repeats.size > 0) return;
  while (session.queue.length > 0 && maySend(cx, connection)) {
    const delivery = session.queue.shift() as Delivery;
    session.queuedBytes -= messageBytes(delivery.message);
    session.overflowing = false;
    send(cx, connection, delivery);
  }
  while (connection.backlog.length > 0 && connection.port.canWrite()) {
    const delivery = connection.backlog.shift() as Delivery;
    connection.backlogBytes -= messageBytes(delivery.message);
    if (isExpired(delivery.message, cx.now)) cx.stats.messagesDropped++;
    else write(cx, connection, delivery, false);
  }
}

/**
 * Repeats what was not acknowledged on the last connection, in order (MQTT 5 §4.4): PUBREL at once, PUBLISH as the Receive Maximum of the
 * new connection allows.
 */
export function resend(cx: Context, connection: Connection): void {
  for (const delivery of connection.session.inflight.values()) {
    if (delivery.state !== 'released') connection.repeats.add(delivery);
    else sendAck(connection, { type: 'pubrel', packetId: delivery.packetId }, false);
  }
  repeat(cx, connection);
}

function repeat(cx: Context, connection: Connection): void {
  const { session, repeats } = connection;
  for (const delivery of repeats) {
    if (!maySend(cx, connection)) return;
    repeats.delete(delivery);
    if (write(cx, connection, delivery, true)) continue;
    session.inflight.delete(delivery.packetId);
    if (isPersistent(session)) cx.journal.delivered(session, delivery);
  }
}

/** False when the packet is larger than the client takes: then it counts as delivered (MQTT 5 §3.1.2.11.4). */
function write(cx: Context, connection: Connection, delivery: Delivery, dup: boolean): boolean {
  const alias =
    connection.outboundAliasMaximum === 0 ? undefined : aliasOf(connection, delivery.message.topic);
  const bytes = encodeDelivery(cx, connection, delivery, dup, alias);
  if (bytes.length > connection.maximumPacketBytes) {
    cx.stats.messagesDropped++;
    return false;
  }
  if (alias !== undefined && !alias.known) connection.outboundAliases.set(delivery.message.topic, alias.id);
  cx.stats.messagesSent++;
  connection.port.send(bytes, delivery.qos === 2 && isPersistent(connection.session));
  return true;
}

interface Alias {
  readonly id: number;
  /** The client was told which topic it stands for. */
  readonly known: boolean;
}

/** First come, first served: an alias keeps its topic for the life of the connection. */
function aliasOf(connection: Connection, topic: string): Alias | undefined {
  const id = connection.outboundAliases.get(topic);
  if (id !== undefined) return { id, known: true };
  const next = connection.outboundAliases.size + 1;
  return next > connection.outboundAliasMaximum ? undefined : { id: next, known: false };
}

const NO_TOPIC = Buffer.alloc(0);

/** A message is encoded once for all receivers that get the same bytes; only the packet identifier is put in. */
function encodeDelivery(
  cx: Context,
  connection: Connection,
  delivery: Delivery,
  dup: boolean,
  alias: Alias | undefined,
): Buffer {
  const { message, qos, retain, subscriptionIds, packetId } = delivery;
  const plain =
    subscriptionIds.length === 0 &&
    !dup &&
    message.card === undefined &&
    alias === undefined &&
    connection.mount === '';
  const variant = connection.version * 8 + qos * 2 + (retain ? 1 : 0);
  if (plain && cx.encoded.message === message) {
    const known = cx.encoded.variants.get(variant);
    if (known !== undefined) return qos === 0 ? known : withPacketId(known, packetId);
  }
  const bytes = encodePublish(connection.version, {
    topic: alias?.known === true ? NO_TOPIC : topicBytes(connection.mount, message),
    topicAlias: alias?.id,
    payload: message.payload,
    qos,
    dup,
    retain,
    packetId,
    properties: message.card === undefined ? message.properties : cardProperties(cx, message),
    expirySeconds: remainingExpirySeconds(message, cx.now),
    subscriptionIds,
  });
  if (plain && message.expiresAtMs === Infinity) {
    if (cx.encoded.message !== message) {
      cx.encoded.message = message;
      cx.encoded.variants.clear();
    }
    cx.encoded.variants.set(variant, bytes);
  }
  return bytes;
}

/** The topic as the receiver knows it. */
function topicBytes(mount: string, message: Message): Buffer {
  if (mount === '' || !message.topic.startsWith(mount)) return message.topicBytes;
  return message.topicBytes.subarray(Buffer.byteLength(mount));
}

const cardProperties = (cx: Context, message: Message): Buffer =>
  cx.registry?.decorate(message) ?? message.properties;

function withPacketId(template: Buffer, packetId: number): Buffer {
  const bytes = Buffer.allocUnsafe(template.length);
  bytes.set(template);
  const at = packetIdOffset(bytes);
  bytes[at] = packetId >> 8;
  bytes[at + 1] = packetId & 0xff;
  return bytes;
}
