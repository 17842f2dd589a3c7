import { sniffVersion } from '../core/codec/decode-connect.ts';
import { refuse } from '../core/connect.ts';
import { PacketError, Reason } from '../core/reason-codes.ts';
import type { ConnectionPort } from '../core/session.ts';

const CONNECT = 1;

/**
 * Ends a connection whose first packet is not a CONNECT that can be read: with CONNACK where the client would understand it. Throws what is not
 * the fault of the packet.
 */
export function refuseMalformed(
  port: ConnectionPort,
  error: unknown,
  bytes: Buffer,
  start: number,
  bodyStart: number,
): void {
  if (!(error instanceof PacketError)) throw error;
  const isConnect = (bytes[start] as number) >> 4 === CONNECT;
  const level = isConnect ? sniffVersion(bytes, bodyStart) : undefined;
  if (level !== 5 && error.reasonCode !== Reason.unsupportedProtocolVersion) {
    port.close();
    return;
  }
  const version = level !== undefined && level >= 5 ? 5 : 4;
  refuse(
    port,
    { version, requestProblemInformation: true, maximumPacketBytes: Infinity },
    { reasonCode: error.reasonCode, reason: error.message },
  );
}
