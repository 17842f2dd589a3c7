/** The public shape of a link. `openLink` (io/) makes one over a socket. */

import type { Duplex } from 'node:stream';

export type Qos = 0 | 1 | 2;

/** User properties by name; a name that occurs more than once keeps its values in the order of the packet (MQTT 5 §2.2.2.2). */
export type UserProperties = Readonly<Record<string, string | readonly string[]>>;

export interface PublishOptions {
  /** Default 1. */
  readonly qos?: Qos;
  readonly retain?: boolean;
  readonly responseTopic?: string;
  readonly correlationData?: Uint8Array;
  readonly contentType?: string;
  /** MQTT 5 §3.3.2.3.2: true when the payload is UTF-8 text. Unset: nothing is said, which means the same as false. */
  readonly payloadIsUtf8?: boolean;
  /** Seconds until the broker drops the message. Unset: never. */
  readonly messageExpirySeconds?: number;
  readonly userProperties?: UserProperties;
  /** Gives up waiting for the acknowledgement; the message may still arrive. */
  readonly signal?: AbortSignal;
  /** Longest wait for the acknowledgement. Default 30 000; 0 waits for ever. */
  readonly ackTimeoutMs?: number;
}

export interface PublishAck {
  /** PUBACK or PUBREC reason code; 0 for QoS 0. */
  readonly reasonCode: number;
  readonly reasonString?: string;
  /** Reason 0x10: the broker took the message and nobody subscribes to it. A hint, never an error. */
  readonly noMatchingSubscribers: boolean;
}

export interface InboundMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly duplicate: boolean;
  readonly responseTopic?: string;
  readonly correlationData?: Uint8Array;
  readonly contentType?: string;
  readonly messageExpirySeconds?: number;
  readonly userProperties: UserProperties;
  /** `performance.now()` when the packet was parsed, in milliseconds. */
  readonly receivedAtMs: number;
  /** Payload decoded as UTF-8; throws LinkError `payload-not-utf8`. */
  text(): string;
}

/**
 * Called for one message at a time and in order, per subscription. With `manualAck`, the message is acknowledged when the
 * returned promise resolves, and not at all when it rejects (the broker redelivers it after a reconnect with a session).
 * A rejected promise never stops the link: it is reported through `onError`.
 */
export type MessageHandler = (message: InboundMessage) => void | Promise<void>;

export interface SubscribeOptions {
  /** Default 1. */
  readonly qos?: Qos;
  readonly noLocal?: boolean;
  readonly retainAsPublished?: boolean;
  /** MQTT 5 §3.8.3.1: 0 send retained, 1 only for a new subscription, 2 never. Default 0. */
  readonly retainHandling?: 0 | 1 | 2;
  /** Acknowledge after the handler, not on receipt. Default false. */
  readonly manualAck?: boolean;
  /** Handlers that may run at once for this subscription; order is kept only with 1. Default 1. */
  readonly concurrency?: number;
  /**
   * Messages that may wait for the handler. QoS 1 and 2 never pass the link's `receiveMaximum`, because a message is
   * acknowledged when the handler takes it, so the broker holds the rest. QoS 0 has no such brake: the oldest waiting one is
   * dropped, and reported as `queue-overflow`. Default 10 000.
   */
  readonly maxQueued?: number;
  /** Longest wait for SUBACK. Default 30 000; 0 waits for ever. */
  readonly ackTimeoutMs?: number;
}

export interface Subscription {
  readonly filter: string;
  /** The QoS that the broker granted. */
  readonly grantedQos: Qos;
  /** Takes the handler away at once and unsubscribes; the filter stays on the broker while another handler needs it. */
  close(): Promise<void>;
}

export type LinkState = 'connecting' | 'online' | 'offline' | 'fenced' | 'closed';

export interface WillOptions extends Omit<PublishOptions, 'signal' | 'ackTimeoutMs'> {
  readonly topic: string;
  readonly payload: Uint8Array | string;
  /** Seconds between the loss of the connection and the will. Default 0. */
  readonly delaySeconds?: number;
}

export interface LinkOptions {
  /** `mqtt:`, `mqtts:`, `ws:` or `wss:`. */
  readonly url: string;
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  /** Default true. */
  readonly cleanStart?: boolean;
  /** Default 0: the session ends with the connection. */
  readonly sessionExpirySeconds?: number;
  /** Default 30. */
  readonly keepAliveSeconds?: number;
  /** Default 10 000. */
  readonly connectTimeoutMs?: number;
  readonly will?: WillOptions;
  /** Sent with CONNECT. */
  readonly userProperties?: UserProperties;
  /** Delays between attempts to reconnect, with ±20 % jitter. `false` never reconnects. Default 250 to 10 000. */
  readonly reconnect?: { readonly minDelayMs: number; readonly maxDelayMs: number } | false;
  /**
   * Asked before every CONNECT, the first one included (DESIGN rule 5, "look before you connect"). `false` closes the link for
   * good with state `fenced`.
   */
  readonly mayConnect?: () => Promise<boolean>;
  /**
   * A fenced link keeps no offline queue and resends nothing: a publish while it is not online fails with `not-connected`, and
   * one that was unacknowledged when the connection was lost fails with `connection-lost`. It also refuses session expiry.
   * Default false: publishes wait (bounded by `maxPending`) for the next connection.
   */
  readonly fenced?: boolean;
  /** Publishes that may wait for a connection or an acknowledgement; one more fails with `queue-full`. Default 10 000. */
  readonly maxPending?: number;
  /**
   * QoS 1 and 2 messages that the broker may send before we acknowledge one: the bound of everything that waits in handlers.
   * A message whose handler rejected keeps its place until the next connection. Default 1 000.
   */
  readonly receiveMaximum?: number;
  /** Keep trying when the first connection fails, as after a lost one. Default false: `openLink` rejects. */
  readonly retryInitial?: boolean;
  /** Gives up opening: `openLink` rejects with `aborted`. Without effect once the link is open. */
  readonly signal?: AbortSignal;
  /** For `mqtts:` and `wss:`. */
  readonly tls?: LinkTlsOptions;
  /** Opens the byte stream instead of dialling `url`, e.g. to a broker in this process. Called for each attempt to connect. */
  readonly openStream?: () => Duplex;
  readonly logger?: Logger;
}

export interface LinkTlsOptions {
  readonly ca?: string | Buffer | readonly (string | Buffer)[];
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  /** Default true. */
  readonly rejectUnauthorized?: boolean;
}

export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

export interface LinkEvents {
  /** Each successful CONNACK, after subscriptions are restored. `sessionPresent` as the broker said. */
  online: (info: { readonly sessionPresent: boolean; readonly reconnect: boolean }) => void;
  /** An online connection was lost. Attempts to get it back that fail are `error` events. */
  offline: (info: { readonly reasonCode?: number; readonly error?: Error }) => void;
  /** DISCONNECT 0x8E (session taken over) or `mayConnect` said no: the link never connects again. */
  fenced: (info: { readonly reasonCode?: number }) => void;
  closed: () => void;
  /** A handler threw or rejected, an attempt to connect failed, or a packet could not be used. The link goes on. */
  error: (error: Error) => void;
}

/**
 * Who could read what travels on a link: nobody but the broker (`tls`); whoever sits in the middle, as the broker's certificate is not
 * checked (`tls-unverified`); this machine (`loopback`); the network (`plain`). `custom`: an `openStream` decides.
 */
export type LinkTransport = 'tls' | 'tls-unverified' | 'loopback' | 'plain' | 'custom';

export interface Link {
  readonly clientId: string;
  readonly transport: LinkTransport;
  readonly state: LinkState;
  /** What the broker announced in CONNACK: maximum QoS, retain, shared subscriptions, receive maximum, packet size. */
  readonly broker: BrokerFeatures | undefined;
  /** Messages so far that came with the retain flag: answers to a SUBSCRIBE, unless it asked for Retain As Published. */
  readonly retainedCount: number;
  /**
   * Resolves on PUBACK or PUBCOMP (QoS 0: when written). Rejects with LinkError: `publish-refused` (carries `reasonCode` >= 0x80),
   * `not-connected`, `connection-lost`, `ack-timeout`, `queue-full`, `aborted`, `fenced`, `closed`.
   */
  publish(topic: string, payload: Uint8Array | string, options?: PublishOptions): Promise<PublishAck>;
  /** Resolves on SUBACK; rejects with LinkError `subscribe-refused` (carries `reasonCode`). Restored after a reconnect. */
  subscribe(filter: string, handler: MessageHandler, options?: SubscribeOptions): Promise<Subscription>;
  on<E extends keyof LinkEvents>(event: E, listener: LinkEvents[E]): () => void;
  /** DISCONNECT with the reason (default 0x00; 0x04 asks the broker to send the will), then closes. Closing twice is fine. */
  close(options?: { readonly reasonCode?: number; readonly timeoutMs?: number }): Promise<void>;
  /** Drops the socket without DISCONNECT: the broker sends the will. */
  destroy(): void;
}

export interface BrokerFeatures {
  readonly maximumQos: Qos;
  readonly retainAvailable: boolean;
  readonly sharedSubscriptionAvailable: boolean;
  readonly wildcardSubscriptionAvailable: boolean;
  readonly subscriptionIdentifiersAvailable: boolean;
  readonly receiveMaximum: number;
  readonly maximumPacketSize?: number;
  readonly serverKeepAliveSeconds?: number;
  readonly assignedClientId?: string;
  readonly userProperties: UserProperties;
}
