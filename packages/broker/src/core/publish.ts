import { accept, mayRetain } from './accept.ts';
import { sendAck } from './answers.ts';
import type { Context } from './context.ts';
import { createMessage, type Message } from './message.ts';
import type { PublishPacket } from './packets.ts';
import { PacketError, protocolError, Reason } from './reason-codes.ts';
import { isPersistent, type Connection } from './session.ts';

/** The topic of a PUBLISH, with topic aliases resolved (MQTT 5 §3.3.2.3.4). Throws PacketError. */
function topicOf(cx: Context, connection: Connection, packet: PublishPacket): string {
  const { topicAlias } = packet.properties;
  if (topicAlias === undefined) return packet.topic;
  if (topicAlias === 0 || topicAlias > cx.limits.topicAliasMaximum) {
    throw new PacketError(
      Reason.topicAliasInvalid,
      `topic alias: ${topicAlias} is not in 1..${cx.limits.topicAliasMaximum}`,
    );
  }
  if (packet.topic !== '') {
    connection.aliases.set(topicAlias, packet.topic);
    return packet.topic;
  }
  const topic = connection.aliases.get(topicAlias);
  if (topic === undefined) throw protocolError(`topic alias: ${topicAlias} was never given a topic`);
  return topic;
}

interface Outcome {
  readonly reasonCode: number;
  readonly reason?: string;
}

/** Checks a message and takes it if nothing speaks against it. `topic` is what the client wrote. */
function judge(cx: Context, connection: Connection, topic: string, message: Message): Outcome {
  const { clientId } = connection.session;
  if (topic.startsWith('$SYS/'))
    return { reasonCode: Reason.notAuthorized, reason: "topic: $SYS is the broker's own" };
  if (cx.authorize?.(connection.identity, 'publish', topic, message) === false) {
    return { reasonCode: Reason.notAuthorized, reason: `topic: not allowed to publish to ${topic}` };
  }
  const verdict = cx.registry?.examine(message, clientId, 'publish', cx.now);
  if (verdict?.rejection !== undefined) return verdict.rejection;
  const kept = mayRetain(cx, message);
  // EMQX routes what it cannot store, and says nothing.
  if (!kept && cx.registry?.profile.silent !== true) {
    return {
      reasonCode: Reason.quotaExceeded,
      reason: 'retain: no room for more retained messages',
    };
  }
  const card = verdict?.card;
  const taken = accept(cx, card === undefined ? message : { ...message, card }, kept);
  return { reasonCode: taken === 0 ? Reason.noMatchingSubscribers : Reason.success };
}

/** PUBLISH from a client. Throws PacketError when the connection must end. */
export function publish(cx: Context, connection: Connection, packet: PublishPacket): void {
  const { session } = connection;
  cx.stats.messagesReceived++;
  const topic = topicOf(cx, connection, packet);
  const repeated = packet.qos === 2 && session.inboundIds.has(packet.packetId);
  if (repeated) {
    sendAck(connection, { type: 'pubrec', packetId: packet.packetId }, true);
    return;
  }
  if (packet.qos === 2 && session.inboundIds.size >= cx.limits.receiveMaximum) {
    throw new PacketError(
      Reason.receiveMaximumExceeded,
      `more than ${cx.limits.receiveMaximum} messages are unacknowledged`,
    );
  }
  const { payload, qos, retain, properties } = packet;
  const mounted = connection.mount + topic;
  const topicBytes = cx.topicBytes.of(mounted);
  const fields = { topic: mounted, topicBytes, payload, qos, retain, properties };
  const message = createMessage(fields, session.clientId, cx.now);
  const stake = cx.journal.beginStep();
  const outcome = judge(cx, connection, topic, message);
  if (outcome.reasonCode >= 0x80) {
    cx.stats.publishesRefused++;
    cx.events.log('info', 'publish refused', { clientId: session.clientId, topic, reason: outcome.reason });
  }
  if (packet.qos === 2 && outcome.reasonCode < 0x80) {
    session.inboundIds.add(packet.packetId);
    if (isPersistent(session)) cx.journal.inboundId(session, packet.packetId, true);
  }
  cx.journal.endStep();
  if (packet.qos === 0) return;
  const { reasonCode, reason } = outcome;
  const type = packet.qos === 1 ? 'puback' : 'pubrec';
  const { packetId } = packet;
  sendAck(connection, { type, packetId, reasonCode, reason }, stake);
}
