/** MQTT 5 §2.4. Only the codes that a server sends or has to tell apart. */
export const Reason = {
  success: 0x00,
  disconnectWithWill: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  unspecified: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecific: 0x83,
  unsupportedProtocolVersion: 0x84,
  clientIdNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdInUse: 0x91,
  packetIdNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  quotaExceeded: 0x97,
  payloadFormatInvalid: 0x99,
  connectionRateExceeded: 0x9f,
} as const;

/** CONNACK return codes of MQTT 3.1.1 §3.2.2.3, for the MQTT 5 codes that have one. */
export function returnCodeV4(reasonCode: number): number {
  switch (reasonCode) {
    case Reason.success:
      return 0;
    case Reason.unsupportedProtocolVersion:
      return 1;
    case Reason.clientIdNotValid:
      return 2;
    case Reason.badUserNameOrPassword:
      return 4;
    case Reason.notAuthorized:
    case Reason.badAuthenticationMethod:
      return 5;
    default:
      return 3;
  }
}

/** A packet that cannot be accepted: the connection ends with `reasonCode`. */
export class PacketError extends Error {
  readonly reasonCode: number;

  constructor(reasonCode: number, message: string) {
    super(message);
    this.name = 'PacketError';
    this.reasonCode = reasonCode;
  }
}

export const malformed = (message: string): PacketError => new PacketError(Reason.malformedPacket, message);
export const protocolError = (message: string): PacketError => new PacketError(Reason.protocolError, message);
