export { createBroker } from './io/broker.ts';
export type {
  Broker,
  BrokerAddresses,
  BrokerOptions,
  BrokerSettings,
  BrokerStats,
  ListenOptions,
  LiveChanges,
  RegistrySettings,
  StopOptions,
} from './io/broker-options.ts';
export type { CardAddress, RegistryAdmin } from './io/registry-admin.ts';
export type { CardQuery, RegisteredCard } from './core/registry/directory.ts';
export type { RegistrySwitches, Rejection, RuleId } from './core/registry/registry.ts';
export type { EmqxVersion } from './core/registry/profile.ts';
export type { HttpOptions } from './io/http/management.ts';
export type { Reloaded, ReloadSettings } from './io/http/service-routes.ts';
export type { Actor, ApiKey, BearerCheck } from './io/http/credentials.ts';
export type { LevelStoreOptions } from './io/store/level-store.ts';
export type { Store, StoreChange } from './io/store/store.ts';
export { BrokerError, isBrokerError } from './io/broker-error.ts';
export type { BrokerErrorCode } from './io/broker-error.ts';
export { defaultLimits } from './io/limits.ts';
export type { BrokerLimits } from './io/limits.ts';
export type { Address, ListenerOptions } from './io/listeners.ts';
export type { ClientCertificate, ServerCertificate, TlsOptions } from './io/tls.ts';
export { authenticateAny, authenticateUsers, type User } from './io/auth/users.ts';
export type { Admission, Authenticate, ConnectRequest } from './io/auth/door.ts';
export { authenticateCertificates, type CertificateOptions } from './io/auth/certificates.ts';
export { authenticateJwt, checkJwtBearer, type JwtBearerOptions, type JwtOptions } from './io/auth/jwt.ts';
export type { KeySource } from './io/auth/key-sets.ts';
export type { TrustOptions } from './io/card-trust.ts';
export { hashPassword, verifyPassword } from './io/auth/password.ts';
export { a2aPolicy, type A2aScope } from './core/authorization/a2a-policy.ts';
export { createPolicy, type AccessRule } from './core/authorization/policy.ts';
export type { Logger } from './io/logger.ts';
export type { Action, Authorize, PublishDetails } from './core/context.ts';
export type { ClientIdentity, CredentialGrants } from './core/session.ts';
