import type { EngineLimits } from '../core/context.ts';

/** Everything that is bounded, with its default. */
export interface BrokerLimits extends EngineLimits {
  /** Connections at once, of all listeners. Default 20 000. */
  readonly maxConnections: number;
  /** Milliseconds between the opening of a connection and CONNECT. Default 10 000. */
  readonly connectTimeoutMs: number;
  /** CONNECT packets from one remote address. Default 0: any number. */
  readonly maxConnectsPerAddressPerSecond: number;
  /** CONNECT packets with one client id. Default 0: any number. */
  readonly maxConnectsPerClientIdPerSecond: number;
  /** PUBLISH packets of one connection, with a burst of as many. Default 0: any number. */
  readonly maxPublishesPerSecond: number;
  /** Bytes received from one connection, with a burst of as many. Default 0: any number. */
  readonly maxBytesPerSecond: number;
  /** Largest Agent Card, in bytes. Default 65 536. */
  readonly maxCardBytes: number;
  /** Publishes of one Agent Card, per minute. Default 60; 0: no limit. */
  readonly maxCardUpdatesPerMinute: number;
}

/** Limits of the default profile. Those of EMQX differ: `emqxLimits`. */
export const defaultLimits: BrokerLimits = {
  maxConnections: 20_000,
  connectTimeoutMs: 10_000,
  maxConnectsPerAddressPerSecond: 0,
  maxConnectsPerClientIdPerSecond: 0,
  maxPublishesPerSecond: 0,
  maxBytesPerSecond: 0,
  maxPacketBytes: 1024 * 1024,
  receiveMaximum: 65_535,
  topicAliasMaximum: 64,
  maxInflight: 1024,
  maxQueuedMessages: 100_000,
  maxQueuedBytes: 64 * 1024 * 1024,
  maxSubscriptionsPerClient: 1_000,
  maxRetainedMessages: 1_000_000,
  maxRetainedBytes: 1024 * 1024 * 1024,
  maxRetainedPayloadBytes: 268_435_455,
  maxRetainedPerSecond: 0,
  maxClientIdBytes: 1_024,
  maxSessions: 100_000,
  maxSessionExpirySeconds: 0xffffffff,
  maxKeepAliveSeconds: 0,
  maxCardBytes: 65_536,
  maxCardUpdatesPerMinute: 60,
};

/** EMQX documents limits for cards and checks none; its retained store has these. */
export const emqxLimits: Partial<BrokerLimits> = {
  maxCardBytes: 0,
  maxCardUpdatesPerMinute: 0,
  maxRetainedPayloadBytes: 1024 * 1024,
  maxRetainedPerSecond: 1_000,
};
