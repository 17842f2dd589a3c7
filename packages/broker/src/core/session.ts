import { Deque } from './deque.ts';
import type { Message } from './message.ts';
import type { ProtocolVersion, Qos } from './packets.ts';
import type { Stake } from './stake.ts';

export const NEVER_EXPIRES = 0xffffffff;

/** Topic filters that a credential itself names. They allow nothing: rules may go by them. */
export interface CredentialGrants {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** Who a client is, as far as access is concerned. */
export interface ClientIdentity {
  readonly clientId: string;
  readonly username: string | undefined;
  readonly grants?: CredentialGrants | undefined;
}

/** What is known about a client besides its CONNECT, once it is let in. */
export interface Admitted {
  readonly username: string | undefined;
  /** Proven user name. A session is not handed to another one. */
  readonly holder: string | undefined;
  /** The credential names this client id: then it is this user's, whoever held it before. */
  readonly bound: boolean;
  /** Prefix of all its topics in the broker: empty, or one level and a slash. */
  readonly mount: string;
  /** Infinity: never. */
  readonly expiresAtMs: number;
  readonly grants?: CredentialGrants | undefined;
}

/** What the core needs from a network connection. */
export interface ConnectionPort {
  /**
   * Bytes of whole packets, in order; a PUBLISH that need not wait may pass answers that do. `after`: only once everything recorded so
   * far is in the store, or what this step recorded is there or not needed any more.
   */
  send(bytes: Buffer, after: boolean | Stake): void;
  /** Ends the connection after what was sent; calls nothing back. */
  close(): void;
  /** False while the peer reads more slowly than it is sent to; `Engine.writable` says when it is true again. */
  canWrite(): boolean;
}

export interface Connection {
  readonly port: ConnectionPort;
  readonly version: ProtocolVersion;
  readonly session: Session;
  readonly receiveMaximum: number;
  readonly maximumPacketBytes: number;
  readonly keepAliveSeconds: number;
  readonly problemInformation: boolean;
  /** The same object for the life of the connection. */
  readonly identity: ClientIdentity;
  readonly mount: string;
  readonly expiresAtMs: number;
  /** Topic aliases of the client. */
  readonly aliases: Map<number, string>;
  /** Topic aliases of this side, by topic. */
  readonly outboundAliases: Map<string, number>;
  readonly outboundAliasMaximum: number;
  /** What the last connection left unacknowledged and this one has not repeated yet, in order. In `inflight` as well. */
  readonly repeats: Set<Delivery>;
  /** QoS 0 messages that wait for a writable connection. */
  readonly backlog: Deque<Delivery>;
  backlogBytes: number;
}

export interface Subscription {
  readonly session: Session;
  /** As the client wrote it, with `$share/…` if shared, and its mount in front of the filter. */
  readonly key: string;
  readonly filter: string;
  readonly group: string | undefined;
  readonly qos: Qos;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly subscriptionId: number | undefined;
}

/** One message on its way to one session. */
export interface Delivery {
  /** Position in the session, for the store. */
  readonly sequence: number;
  /** `FORGOTTEN` when it was sent and cannot be asked for again: the session ends with its connection. */
  message: Message;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly subscriptionIds: readonly number[];
  /** Key of the shared subscription that it came through. */
  readonly share: string | undefined;
  /** 0 until it was sent with QoS 1 or 2. */
  packetId: number;
  state: 'queued' | 'sent' | 'released';
  /** The journal's own note on its record. */
  record?: object | undefined;
}

/** Whose will it is, as far as rules are concerned. */
export interface WillOwner {
  readonly username: string | undefined;
  /** Prefix of the topic that the client does not know of. */
  readonly mount: string;
  readonly grants?: CredentialGrants | undefined;
}

export interface Will {
  readonly message: Message;
  /** Unset for a will that an earlier version of the broker recorded. */
  readonly owner: WillOwner | undefined;
  /** Of the message; it starts to run when the will is sent. */
  readonly expirySeconds: number | undefined;
  readonly delaySeconds: number;
}

export interface Session {
  readonly clientId: string;
  /** User name of who connected last. */
  holder: string | undefined;
  expirySeconds: number;
  connection: Connection | undefined;
  /** When the last connection ended; meaningful while there is none. */
  disconnectedAtMs: number;
  will: Will | undefined;
  /** When a delayed will is due, while disconnected. */
  willDueAtMs: number;
  readonly subscriptions: Map<string, Subscription>;
  /** Of subscriptions whose retained messages are still on their way, where they come in turns. By key. */
  readonly replaying: Map<string, { readonly connection: Connection | undefined }>;
  /** QoS 1 and 2 that were not sent yet. */
  readonly queue: Deque<Delivery>;
  queuedBytes: number;
  overflowing: boolean;
  /** By packet identifier, in the order of sending. */
  readonly inflight: Map<number, Delivery>;
  /** How many of them wait for their PUBCOMP only. */
  released: number;
  /** Identifiers of QoS 2 messages received and not yet released. */
  readonly inboundIds: Set<number>;
  nextPacketId: number;
  nextSequence: number;
  ended: boolean;
}

export function createSession(clientId: string, expirySeconds: number): Session {
  return {
    clientId,
    holder: undefined,
    expirySeconds,
    connection: undefined,
    disconnectedAtMs: 0,
    will: undefined,
    willDueAtMs: Infinity,
    subscriptions: new Map(),
    replaying: new Map(),
    queue: new Deque(),
    queuedBytes: 0,
    overflowing: false,
    inflight: new Map(),
    released: 0,
    inboundIds: new Set(),
    nextPacketId: 1,
    nextSequence: 1,
    ended: false,
  };
}

/** Sessions that outlive their connection are worth a record in the store. */
export const isPersistent = (session: Session): boolean => session.expirySeconds > 0;

/** The next free packet identifier; 0 when all are taken. */
export function takePacketId(session: Session): number {
  for (let tries = 0; tries < 65_535; tries++) {
    const id = session.nextPacketId;
    session.nextPacketId = id === 65_535 ? 1 : id + 1;
    if (!session.inflight.has(id)) return id;
  }
  return 0;
}
