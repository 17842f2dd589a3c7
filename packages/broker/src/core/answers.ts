import { encodeAck, encodeDisconnect, encodeSuback, encodeUnsuback } from './codec/encode.ts';
import { PacketError, Reason } from './reason-codes.ts';
import type { Connection } from './session.ts';
import type { Stake } from './stake.ts';

export interface Ack {
  readonly type: Parameters<typeof encodeAck>[0];
  readonly packetId: number;
  /** Default 0. */
  readonly reasonCode?: number;
  /** Reason String; sent if the client wants it and takes a packet of that size. */
  readonly reason?: string | undefined;
}

const fits = (connection: Connection, bytes: Buffer): boolean =>
  bytes.length <= connection.maximumPacketBytes;

/**
 * With the reason if the client wants it and has room for it (MQTT 5 §3.1.2.11.7, §3.1.2.11.4). Throws PacketError when the packet is too
 * large also without: an answer that cannot be given would be waited for for ever.
 */
function encodeFitting(
  connection: Connection,
  reason: string | undefined,
  encode: (reason?: string) => Buffer,
): Buffer {
  if (reason !== undefined && connection.problemInformation) {
    const bytes = encode(reason);
    if (fits(connection, bytes)) return bytes;
  }
  const bytes = encode();
  if (fits(connection, bytes)) return bytes;
  throw new PacketError(
    Reason.packetTooLarge,
    `maximum packet size: an answer of ${bytes.length} bytes is larger than the ${connection.maximumPacketBytes} of the client`,
  );
}

/** Throws PacketError when the client's Maximum Packet Size leaves no room for it; so do the others. */
export function sendAck(connection: Connection, ack: Ack, after: boolean | Stake): void {
  const { type, packetId, reasonCode, reason } = ack;
  const bytes = encodeFitting(connection, reason, (text) =>
    encodeAck(type, connection.version, packetId, reasonCode, text),
  );
  connection.port.send(bytes, after);
}

export interface SubscriptionAnswer {
  readonly packetId: number;
  /** One for each filter, in order. */
  readonly codes: readonly number[];
  readonly reason: string | undefined;
}

export function sendSuback(connection: Connection, answer: SubscriptionAnswer, afterCommit: boolean): void {
  const bytes = encodeFitting(connection, answer.reason, (text) =>
    encodeSuback(connection.version, answer.packetId, answer.codes, text),
  );
  connection.port.send(bytes, afterCommit);
}

export function sendUnsuback(connection: Connection, answer: SubscriptionAnswer, afterCommit: boolean): void {
  const bytes = encodeFitting(connection, answer.reason, (text) =>
    encodeUnsuback(connection.version, answer.packetId, answer.codes, text),
  );
  connection.port.send(bytes, afterCommit);
}

/** DISCONNECT as far as the client's Maximum Packet Size allows: with the reason, without, or not at all. MQTT 5 only. */
export function sendDisconnect(connection: Connection, reasonCode: number, reason?: string): void {
  if (connection.version !== 5) return;
  const told = connection.problemInformation ? reason : undefined;
  for (const bytes of [encodeDisconnect(reasonCode, told), encodeDisconnect(reasonCode)]) {
    if (!fits(connection, bytes)) continue;
    connection.port.send(bytes, false);
    return;
  }
}
