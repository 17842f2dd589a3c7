import type { Duplex } from 'node:stream';

import type { Authorize } from '../core/context.ts';
import type { EmqxVersion } from '../core/registry/profile.ts';
import type { ClientIdentity } from '../core/session.ts';
import type { Authenticate } from './auth/door.ts';
import type { BrokerLimits } from './limits.ts';
import type { Address, ListenerOptions } from './listeners.ts';
import type { Logger } from './logger.ts';
import type { LevelStoreOptions } from './store/level-store.ts';
import type { Store } from './store/store.ts';

export interface RegistrySettings {
  /** Default true. */
  readonly enabled?: boolean;
  /** Default true; false accepts any JSON object as a card. */
  readonly validateSchema?: boolean;
  /** `emqx` behaves as EMQX 6.2 does: silent rejection, no push. Default `shoal`. */
  readonly profile?: 'shoal' | 'emqx';
  /** Which EMQX. Default 6.2.2. */
  readonly emqxVersion?: EmqxVersion;
  /** Delivers a card again when its agent comes or goes. Default true. */
  readonly pushPresence?: boolean;
}

/** `false` leaves a listener out. Default: TCP on 127.0.0.1, any free port, and nothing else. */
export interface ListenOptions {
  readonly tcp?: ListenerOptions | false;
  readonly ws?: ListenerOptions | false;
  /** `/healthz` and `/metrics` (Prometheus), open to whoever reaches the address. */
  readonly http?: Omit<ListenerOptions, 'tls'> | false;
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

export interface BrokerStats {
  readonly connections: number;
  readonly sessions: number;
  readonly subscriptions: number;
  readonly retained: number;
  readonly messagesReceived: number;
  readonly messagesSent: number;
  readonly messagesDropped: number;
  readonly publishesRefused: number;
}

export interface Broker {
  /** Changes with every start of the broker; also retained on `$SYS/broker/boot-id`. */
  readonly bootId: string;
  /**
   * Opens the store and the listeners. Rejects with BrokerError `listen-failed`, `already-started`, `store-open-failed`,
   * `store-version-unknown`.
   */
  start(): Promise<BrokerAddresses>;
  /** Says goodbye to all clients (0x8B) and closes everything. Stopping twice is fine. */
  stop(): Promise<void>;
  stats(): BrokerStats;
  /** Serves a client on a stream of the same process, without a socket. The broker closes it. */
  handle(stream: Duplex): void;
}
