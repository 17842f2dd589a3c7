export { createBroker } from './io/broker.ts';
export type {
  Broker,
  BrokerAddresses,
  BrokerOptions,
  BrokerStats,
  RegistrySettings,
} from './io/broker-options.ts';
export type { LevelStoreOptions } from './io/store/level-store.ts';
export type { Store, StoreChange } from './io/store/store.ts';
export { BrokerError, isBrokerError } from './io/broker-error.ts';
export type { BrokerErrorCode } from './io/broker-error.ts';
export { defaultLimits } from './io/limits.ts';
export type { BrokerLimits } from './io/limits.ts';
export type { Address, ListenerOptions } from './io/listeners.ts';
export type { Logger } from './io/logger.ts';
export type { Authenticate, ConnectRequest } from './io/server.ts';
export type { Action, ClientIdentity } from './core/context.ts';
