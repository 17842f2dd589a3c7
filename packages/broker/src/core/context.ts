import type { Journal } from './journal.ts';
import type { Message } from './message.ts';
import type { Qos } from './packets.ts';
import type { Registry } from './registry/registry.ts';
import type { RetainedTree } from './retained-tree.ts';
import type { ClientIdentity, Connection, Session } from './session.ts';
import type { SubscriptionTree } from './subscription-tree.ts';
import type { TopicBytes } from './topic-bytes.ts';
import type { TokenBucket } from './token-bucket.ts';

export interface EngineLimits {
  readonly maxPacketBytes: number;
  readonly receiveMaximum: number;
  readonly topicAliasMaximum: number;
  readonly maxInflight: number;
  readonly maxQueuedMessages: number;
  readonly maxQueuedBytes: number;
  readonly maxSubscriptionsPerClient: number;
  readonly maxRetainedMessages: number;
  readonly maxRetainedBytes: number;
  readonly maxRetainedPayloadBytes: number;
  readonly maxRetainedPerSecond: number;
  readonly maxClientIdBytes: number;
  readonly maxSessions: number;
  readonly maxSessionExpirySeconds: number;
  readonly maxKeepAliveSeconds: number;
}

export type Action = 'publish' | 'subscribe';

/** How something is published; unset for a subscription. */
export interface PublishDetails {
  readonly qos: Qos;
  readonly retain: boolean;
}

/** Asked for every publish, will and subscription. Topics are as the client wrote them, a shared filter without its `$share/{group}/`. */
export type Authorize = (
  client: ClientIdentity,
  action: Action,
  topic: string,
  details?: PublishDetails,
) => boolean;

export interface EngineEvents {
  /** When `Engine.expire` is due for this client; undefined takes an earlier wish back. */
  schedule(clientId: string, atMs: number | undefined): void;
  /** Runs a step after what has arrived already. Called for those that ask in their order. */
  later(step: (cx: Context) => void): void;
  log(level: 'debug' | 'info' | 'warn', message: string, fields: Record<string, unknown>): void;
}

export interface EngineStats {
  messagesReceived: number;
  messagesSent: number;
  messagesDropped: number;
  publishesRefused: number;
  connections: number;
}

/** May change while the broker runs. */
export interface EngineSwitches {
  /** False: nothing is retained, and nothing that is retained is delivered. */
  retainer: boolean;
}

/** What every part of the core works on. */
export interface Context {
  readonly switches: EngineSwitches;
  /** Of everything that is to be retained, by whomever. */
  readonly retainRate: TokenBucket | undefined;
  readonly limits: EngineLimits;
  readonly sessions: Map<string, Session>;
  readonly subscriptions: SubscriptionTree;
  readonly retained: RetainedTree;
  readonly registry: Registry | undefined;
  readonly journal: Journal;
  readonly events: EngineEvents;
  readonly authorize: Authorize | undefined;
  /** Response Information for a client that asks for it. */
  readonly responseInformation: ((client: ClientIdentity) => string | undefined) | undefined;
  readonly stats: EngineStats;
  /** Milliseconds; set by the caller of the engine before each step. */
  now: number;
  /** Connections to end after this step, because their queue is full. */
  readonly evictions: Set<Connection>;
  /** The last PUBLISH that was encoded, for the next receiver of the same message. */
  encoded: { message: Message | undefined; variants: Map<number, Buffer> };
  /** The last message that was copied to be kept, for the next queue that it goes to. */
  kept: { readonly from: Message; readonly own: Message } | undefined;
  readonly topicBytes: TopicBytes;
}
