export { DEFAULT_POLICY, type ReconcilePolicy } from './core/policy.ts';
export type { Needs, Place } from './core/placement.ts';
export { claimKeyOf, instanceIdOf } from './core/instance-id.ts';
export { answerWithin } from './io/answer-within.ts';
export { instanceAccess, scopeOf, type InstanceScope } from './core/instance-scope.ts';
export { jwtIssuer, type JwtIssuerOptions, type McpScope } from './credentials/jwt-issuer.ts';
export { kindIssuer } from './credentials/kind-issuer.ts';
export { createSupervisor } from './io/supervisor.ts';
export { hostCommand } from './hosts/host-command.ts';
export { createHost, type Host, type HostOptions } from './hosts/host.ts';
export { openRemoteHosts, type RemoteHosts, type RemoteHostsOptions } from './hosts/remote-hosts.ts';
export {
  childProcessSpawner,
  type ChildProcessSpawner,
  type ChildProcessSpawnerOptions,
} from './spawners/child-process.ts';
export { inProcessSpawner, type InProcessSpawnerOptions } from './spawners/in-process.ts';
export { orderVariables, type SpawnedEnvironmentOptions } from './spawners/spawned-environment.ts';
export { spawnerGroup, type GroupedSpawner } from './spawners/spawner-group.ts';
export { workerThreadSpawner, type WorkerThreadSpawnerOptions } from './spawners/worker-thread.ts';
export type {
  CredentialIssuer,
  IssuedCredentials,
  SpawnHooks,
  Spawner,
  Supervisor,
  SupervisorOptions,
  SupervisorStats,
} from './types.ts';
