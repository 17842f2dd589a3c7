export { DEFAULT_POLICY, type ReconcilePolicy } from './core/policy.ts';
export { createSupervisor } from './io/supervisor.ts';
export {
  childProcessSpawner,
  type ChildProcessSpawner,
  type ChildProcessSpawnerOptions,
} from './spawners/child-process.ts';
export { inProcessSpawner, type InProcessSpawnerOptions } from './spawners/in-process.ts';
export { workerThreadSpawner, type WorkerThreadSpawnerOptions } from './spawners/worker-thread.ts';
export type { SpawnHooks, Spawner, Supervisor, SupervisorOptions, SupervisorStats } from './types.ts';
