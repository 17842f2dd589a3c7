import { setMaxListeners } from 'node:events';
import { runOrder, type RunOrderOptions, type SpawnOrder } from '@shoal/workflow';
import type { Spawner, SpawnHooks } from '../types.ts';

export interface InProcessSpawnerOptions extends Omit<RunOrderOptions, 'signal' | 'standIn'> {
  /** Instances at once; one more is refused. Default 1 000. */
  readonly maxRunning?: number;
}

/**
 * Runs instances in this process, each with a connection of its own. The quickest, for trusted steps: one that blocks the event loop
 * blocks all.
 */
export function inProcessSpawner(options: InProcessSpawnerOptions): Spawner {
  const { maxRunning = 1_000, ...run } = options;
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  const open = new Set<Promise<void>>();
  return {
    capacity: maxRunning,
    get running() {
      return open.size;
    },
    spawn(order: SpawnOrder, hooks: SpawnHooks = {}) {
      if (stop.signal.aborted) return Promise.reject(new Error('the spawner is stopped'));
      if (open.size >= maxRunning) return Promise.reject(new Error(`${maxRunning} instances run already`));
      const running = carryOut(order, { ...run, signal: stop.signal }, hooks).finally(() =>
        open.delete(running),
      );
      open.add(running);
      return Promise.resolve();
    },
    async stop() {
      stop.abort();
      await Promise.all(open);
    },
  };
}

async function carryOut(order: SpawnOrder, options: RunOrderOptions, hooks: SpawnHooks): Promise<void> {
  try {
    const end = await runOrder(order, options);
    hooks.onExit?.(end === 'clean');
  } catch (error) {
    options.logger?.warn('an instance could not run', { blueprint: order.blueprint, error: String(error) });
    hooks.onExit?.(false);
  }
}
