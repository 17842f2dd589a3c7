import { Worker, type ResourceLimits } from 'node:worker_threads';
import type { SpawnOrder } from '@shoal/workflow';
import type { Spawner, SpawnHooks } from '../types.ts';
import { baseEnvironment, orderVariables, type SpawnedEnvironmentOptions } from './spawned-environment.ts';

export interface WorkerThreadSpawnerOptions extends SpawnedEnvironmentOptions {
  /** A program in JavaScript whose main is `runSpawned`. */
  readonly file: string | URL;
  /** Threads at once; one more is refused. Default 100. */
  readonly maxRunning?: number;
  /** Of each thread: `maxOldGenerationSizeMb` and others. One that passes them ends, and counts as died. */
  readonly resourceLimits?: ResourceLimits;
}

/**
 * A thread for each instance: one that blocks blocks no other, and takes a third of the memory of a process. They end with this
 * process, as with `inProcessSpawner`; a crash of the runtime takes all of them.
 */
export function workerThreadSpawner(options: WorkerThreadSpawnerOptions): Spawner {
  const { file, maxRunning = 100, resourceLimits } = options;
  const workers = new Set<Worker>();
  /** Orders whose credential is being made. */
  let preparing = 0;
  let stopped = false;
  return {
    capacity: maxRunning,
    get running() {
      return workers.size + preparing;
    },
    async spawn(order: SpawnOrder, hooks: SpawnHooks = {}) {
      if (stopped) throw new Error('the spawner is stopped');
      if (workers.size + preparing >= maxRunning) throw new Error(`${maxRunning} threads run already`);
      preparing += 1;
      const variables = await orderVariables(options, order).finally(() => (preparing -= 1));
      if (stopped) throw new Error('the spawner is stopped');
      const worker = new Worker(file, {
        env: { ...baseEnvironment(options), ...variables },
        ...(resourceLimits === undefined ? {} : { resourceLimits }),
      });
      workers.add(worker);
      await started(worker).catch((error: unknown) => {
        workers.delete(worker);
        throw error;
      });
      worker.on('error', () => undefined);
      worker.once('exit', (code) => {
        workers.delete(worker);
        hooks.onExit?.(code === 0);
      });
    },
    async stop() {
      stopped = true;
      await Promise.all([...workers].map((worker) => worker.terminate()));
    },
  };
}

function started(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once('online', resolve);
    worker.once('error', reject);
  });
}
