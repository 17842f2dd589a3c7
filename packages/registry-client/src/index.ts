export { createRegistry } from './io/registry.ts';
export type { Registry, RegistryEvents, RegistryOptions, WaitOptions } from './io/registry.ts';
export { RegistryIndex } from './core/registry-index.ts';
export type {
  AgentPresence,
  DiscoveryMessage,
  PresenceState,
  RegisteredAgent,
  RegistryChange,
} from './core/registry-index.ts';
export type { AgentQuery } from './core/query.ts';
export { lintCard } from './core/lint-card.ts';
export type { Finding } from './core/lint-card.ts';
export { RegistryError, isRegistryError } from './registry-error.ts';
export type { RegistryErrorCode } from './registry-error.ts';
