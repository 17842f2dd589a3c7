import { inProcessSpawner, type InProcessSpawnerOptions, type Spawner } from '@shoal/supervisor';

export interface MortalSpawner extends Spawner {
  /** Ends the instance of that session in mid-work: its connection ends with the Will, and the spawner knows. */
  kill(sessionId: string): void;
}

/** Instances in this process, each of which can be ended alone: in production they end with their process, or by an error of their own. */
export function mortalSpawner(options: InProcessSpawnerOptions): MortalSpawner {
  const alive = new Map<string, Spawner>();
  const all = new Set<Spawner>();
  return {
    capacity: 10_000,
    startsAtOnce: true,
    sharesWriter: true,
    get running() {
      return all.size;
    },
    async spawn(order, hooks = {}) {
      const one = inProcessSpawner(options);
      all.add(one);
      if (order.kind === 'step') alive.set(order.sessionId, one);
      await one.spawn(order, {
        ...hooks,
        onExit(clean) {
          all.delete(one);
          hooks.onExit?.(clean);
        },
      });
    },
    kill: (sessionId) => void alive.get(sessionId)?.stop(),
    async stop() {
      await Promise.all([...all].map((one) => one.stop()));
    },
  };
}
