import type { AgentAddress } from '@shoal/protocol';
import type { MaybePromise } from '../core/keyed-lock.ts';

/**
 * Which agent has a task that was sent to a pool, to a selection, or handed over: everything about it goes there from then on
 * (profile: Requester 7 and 8, Handover 3 and 5). Keys are task ids in lower case.
 */
export interface TaskRoutes {
  get(key: string): MaybePromise<AgentAddress | undefined>;
  /** Replaces what was known: the latest counts. */
  set(key: string, responder: AgentAddress): MaybePromise<void>;
}

export interface MemoryTaskRoutesOptions {
  /** Default 10 000. One more forgets the one that was set or asked for longest ago. */
  readonly maxTasks?: number;
}

/** Routes that end with the process; `levelTaskRoutes` of `@shoal/agent-sdk/level` keeps them. */
export function memoryTaskRoutes(options: MemoryTaskRoutesOptions = {}): TaskRoutes {
  const maxTasks = options.maxTasks ?? 10_000;
  const routes = new Map<string, AgentAddress>();
  const put = (key: string, responder: AgentAddress): void => {
    routes.delete(key);
    routes.set(key, responder);
  };
  return {
    get(key) {
      const known = routes.get(key);
      if (known !== undefined) put(key, known);
      return known;
    },
    set(key, responder) {
      put(key, responder);
      const [oldest] = routes.keys();
      if (routes.size > maxTasks && oldest !== undefined) routes.delete(oldest);
    },
  };
}
