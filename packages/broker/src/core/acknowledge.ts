import { sendAck } from './answers.ts';
import type { Context } from './context.ts';
import { pump } from './delivery.ts';
import type { AckPacket } from './packets.ts';
import { Reason } from './reason-codes.ts';
import { isPersistent, type Connection, type Delivery, type Session } from './session.ts';

const NOT_FOUND = { reasonCode: Reason.packetIdNotFound, reason: 'packet identifier: not in use' } as const;

function complete(cx: Context, session: Session, delivery: Delivery): void {
  session.inflight.delete(delivery.packetId);
  if (delivery.state === 'released') session.released--;
  session.connection?.repeats.delete(delivery);
  if (isPersistent(session)) cx.journal.delivered(session, delivery);
  pump(cx, session);
}

function onPubrec(cx: Context, connection: Connection, packet: AckPacket): void {
  const { session } = connection;
  const delivery = session.inflight.get(packet.packetId);
  if (delivery === undefined || delivery.qos !== 2) {
    if (packet.reasonCode < 0x80) {
      const { packetId } = packet;
      sendAck(connection, { type: 'pubrel', packetId, ...NOT_FOUND }, false);
    }
    return;
  }
  if (packet.reasonCode >= 0x80) {
    complete(cx, session, delivery);
    return;
  }
  if (delivery.state !== 'released') {
    delivery.state = 'released';
    session.released++;
  }
  if (isPersistent(session)) cx.journal.delivery(session, delivery);
  sendAck(connection, { type: 'pubrel', packetId: packet.packetId }, isPersistent(session));
  pump(cx, session);
}

function onPubrel(cx: Context, connection: Connection, packet: AckPacket): void {
  const { session } = connection;
  const known = session.inboundIds.delete(packet.packetId);
  if (known && isPersistent(session)) cx.journal.inboundId(session, packet.packetId, false);
  const answer = { type: 'pubcomp', packetId: packet.packetId } as const;
  sendAck(connection, known ? answer : { ...answer, ...NOT_FOUND }, isPersistent(session));
}

/** PUBACK, PUBREC, PUBREL and PUBCOMP from a client. Unknown identifiers are answered or ignored, never an error. */
export function acknowledge(cx: Context, connection: Connection, packet: AckPacket): void {
  const { session } = connection;
  if (packet.type === 'pubrec') onPubrec(cx, connection, packet);
  else if (packet.type === 'pubrel') onPubrel(cx, connection, packet);
  else {
    const delivery = session.inflight.get(packet.packetId);
    if (delivery === undefined) return;
    if (packet.type === 'puback' ? delivery.qos === 1 : delivery.state === 'released')
      complete(cx, session, delivery);
  }
}
