import type { Duplex } from 'node:stream';

import type { Authorize } from '../core/context.ts';
import type { EmqxVersion } from '../core/registry/profile.ts';
import type { ClientIdentity } from '../core/session.ts';
import type { Authenticate } from './auth/door.ts';
import type { TrustOptions } from './card-trust.ts';
import type { ApiKey } from './http/credentials.ts';
import type { HttpOptions } from './http/management.ts';
import type { BrokerLimits } from './limits.ts';
import type { Address, ListenerOptions } from './listeners.ts';
import type { Logger } from './logger.ts';
import type { RegistryAdmin } from './registry-admin.ts';
import type { LevelStoreOptions } from './store/level-store.ts';
import type { Store } from './store/store.ts';
import type { TlsOptions } from './tls.ts';

export interface RegistrySettings {
  /** Default true. */
  readonly enabled?: boolean;
  /** Default true; false accepts any JSON object as a card. */
  readonly validateSchema?: boolean;
  /** `emqx` behaves as EMQX 6.2 does: silent rejection, no push. Default `shoal`. */
  readonly profile?: 'shoal' | 'emqx';
  /** Which EMQX. Default 6.2.2. */
  readonly emqxVersion?: EmqxVersion;
  /** Namespaces that the management API knows, besides those of its API keys. */
  readonly namespaces?: readonly string[] | (() => readonly string[]);
  /** Which keys cards may name, and whether they must be signed. Default: whatever they say. */
  readonly trust?: TrustOptions;
  /** Delivers a card again when its agent comes or goes. Default true. */
  readonly pushPresence?: boolean;
}

/** `false` leaves a listener out. Default: TCP on 127.0.0.1, any free port, and nothing else. */
export interface ListenOptions {
  readonly tcp?: ListenerOptions | false;
  readonly ws?: ListenerOptions | false;
  /** Probes for everyone; metrics and the management API of the registry for those who have a key. */
  readonly http?: HttpOptions | false;
}

export interface BrokerSettings {
  readonly listen?: ListenOptions;
  /** Default `memory`: everything is forgotten when the broker stops. */
  readonly store?: 'memory' | LevelStoreOptions | Store;
  readonly registry?: RegistrySettings;
  readonly limits?: Partial<BrokerLimits>;
  /** Who may connect. Clients that show no credential are refused too, unless `allowAnonymous` is set. */
  readonly authenticate?: Authenticate;
  /**
   * Lets in clients that show no credential; without `authenticate` everyone. Default false. A listener that is not on loopback is
   * warned about.
   */
  readonly allowAnonymous?: boolean;
  /**
   * Asked for every publish, will and subscription; called in the middle of packet handling, so it must be quick. Default: with
   * `authenticate` what `a2aPolicy('unit')` allows, and without it everything.
   */
  readonly authorize?: Authorize;
  /**
   * Response Information for a client that asks for it; undefined gives none. Default: `$a2a/v1/reply/{org}/{unit}/{agent}` for client ids
   * `org/unit/agent`.
   */
  readonly responseInformation?: (client: ClientIdentity) => string | undefined;
  /** Called once when the store cannot be written, a full disk for one; the broker lets all clients go, unacknowledged, and stops. */
  readonly onFailure?: (error: unknown) => void;
  readonly logger?: Logger;
}

/** Somebody must be able to connect, and the caller says who. */
export type BrokerOptions = BrokerSettings &
  ({ readonly authenticate: Authenticate } | { readonly allowAnonymous: true });

export interface BrokerAddresses {
  readonly tcp?: Address;
  readonly ws?: Address;
  readonly http?: Address;
}

export interface StopOptions {
  /**
   * How long clients that are connected may take to get what is queued for them, while nobody new is let in. Default 0: what is queued
   * stays with their sessions, if these outlive the connection.
   */
  readonly drainTimeoutMs?: number;
}

/** What may change while the broker runs; what is left out stays as it is. */
export interface LiveChanges {
  /** Keys, certificates, authorities and revocation lists of listeners that have TLS. */
  readonly tls?: { readonly tcp?: TlsOptions; readonly ws?: TlsOptions; readonly http?: TlsOptions };
  /** Of the management API; tokens that were made for the old ones end. */
  readonly apiKeys?: readonly ApiKey[];
}

export interface BrokerStats {
  readonly connections: number;
  readonly connectionsRefused: number;
  readonly sessions: number;
  readonly subscriptions: number;
  readonly retained: number;
  readonly messagesReceived: number;
  readonly messagesSent: number;
  readonly messagesDropped: number;
  readonly publishesRefused: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

export interface Broker {
  /** Changes with every start of the broker; also retained on `$SYS/broker/boot-id`. */
  readonly bootId: string;
  /**
   * Opens the store and the listeners. Rejects with BrokerError `listen-failed`, `already-started`, `store-open-failed`,
   * `store-version-unknown`.
   */
  start(): Promise<BrokerAddresses>;
  /**
   * Lets nobody in any more, says goodbye to all clients (0x8B) and closes everything. Stopping twice is fine. Wills are not sent: a store
   * hands them over to the next start, which sends them; in memory they end with everything else.
   */
  stop(options?: StopOptions): Promise<void>;
  readonly registry: RegistryAdmin;
  /** Off, messages are routed and nothing is retained, and what is retained is not delivered. On when the broker starts. */
  setRetainer(enabled: boolean): void;
  stats(): BrokerStats;
  /**
   * Puts changes to use, all of them or none. Clients whose own certificate is on a new revocation list are disconnected (0x87); all other
   * connections stay, also those of clients that an authority further up would not vouch for any more. Throws BrokerError `invalid-options`.
   */
  reload(changes: LiveChanges): void;
  /**
   * After what `authorize` answers has changed: asks it again about every subscription of the clients that are connected. A client that has
   * lost one is disconnected (0x87, the reason names the filters); all others stay. Sessions of clients that are away are asked about when
   * they come back, and CONNACK says what they lost. Messages that wait by such a subscription alone are dropped, or given to another member
   * of its group. Returns how many were disconnected.
   */
  recheckSubscriptions(): number;
  /** Ends connections with DISCONNECT 0x87 and this reason, as when a credential was taken back. Returns how many. */
  disconnect(which: (client: ClientIdentity) => boolean, reason: string): number;
  /** Serves a client on a stream of the same process, without a socket. The broker closes it. */
  handle(stream: Duplex): void;
}
