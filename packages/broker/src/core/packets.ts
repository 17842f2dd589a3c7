/** Packets that a server receives, decoded. Property bytes that are only passed on stay bytes, in the publisher's order. */

export type Qos = 0 | 1 | 2;
/** 4 is MQTT 3.1.1. */
export type ProtocolVersion = 4 | 5;

/** The part of a PUBLISH or will that is forwarded unchanged. */
export interface MessageProperties {
  /** Encoded properties to forward: payload format, content type, response topic, correlation data, user properties. */
  readonly bytes: Buffer;
  readonly expirySeconds: number | undefined;
  readonly topicAlias: number | undefined;
  readonly willDelaySeconds: number;
}

export interface WillPacket {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly properties: MessageProperties;
}

export interface ConnectPacket {
  readonly type: 'connect';
  readonly version: ProtocolVersion;
  readonly cleanStart: boolean;
  readonly keepAliveSeconds: number;
  readonly clientId: string;
  readonly will: WillPacket | undefined;
  readonly username: string | undefined;
  readonly password: Buffer | undefined;
  readonly sessionExpirySeconds: number;
  readonly receiveMaximum: number;
  /** Infinity when the client set no limit. */
  readonly maximumPacketBytes: number;
  readonly topicAliasMaximum: number;
  readonly requestProblemInformation: boolean;
  readonly requestResponseInformation: boolean;
  readonly authenticationMethod: string | undefined;
  readonly userProperties: readonly (readonly [string, string])[];
}

export interface PublishPacket {
  readonly type: 'publish';
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: Qos;
  readonly dup: boolean;
  readonly retain: boolean;
  /** 0 for QoS 0. */
  readonly packetId: number;
  readonly properties: MessageProperties;
}

export interface AckPacket {
  readonly type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp';
  readonly packetId: number;
  readonly reasonCode: number;
}

export interface SubscribeEntry {
  readonly filter: string;
  readonly qos: Qos;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
}

export interface SubscribePacket {
  readonly type: 'subscribe';
  readonly packetId: number;
  readonly subscriptionId: number | undefined;
  readonly entries: readonly SubscribeEntry[];
}

export interface UnsubscribePacket {
  readonly type: 'unsubscribe';
  readonly packetId: number;
  readonly filters: readonly string[];
}

export interface PingPacket {
  readonly type: 'pingreq';
}

export interface DisconnectPacket {
  readonly type: 'disconnect';
  readonly reasonCode: number;
  readonly sessionExpirySeconds: number | undefined;
}

export interface AuthPacket {
  readonly type: 'auth';
  readonly reasonCode: number;
}

export type ClientPacket =
  | ConnectPacket
  | PublishPacket
  | AckPacket
  | SubscribePacket
  | UnsubscribePacket
  | PingPacket
  | DisconnectPacket
  | AuthPacket;
