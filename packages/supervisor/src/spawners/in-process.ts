import { setMaxListeners } from 'node:events';
import type { Link } from '@shoal/mqtt-link';
import { openLookLink, runOrder, type RunOrderOptions, type SpawnOrder } from '@shoal/workflow';
import type { CredentialIssuer, Spawner, SpawnHooks } from '../types.ts';

export interface InProcessSpawnerOptions extends Omit<RunOrderOptions, 'signal' | 'standIn'> {
  /** Instances at once; one more is refused. Default 1 000. */
  readonly maxRunning?: number;
  /**
   * Gives the connection of each instance a credential of its own. Code in one process can read all of it: this narrows what an instance
   * does by mistake, not what it could steal.
   */
  readonly credentials?: CredentialIssuer;
}

/**
 * Runs instances in this process. They read through the supervisor's views, and what ends within 50 ms writes over a connection that all
 * share; the others have one of their own. The quickest, for trusted steps: one that blocks the event loop blocks all.
 */
export function inProcessSpawner(options: InProcessSpawnerOptions): Spawner {
  const { maxRunning = 1_000, credentials, ...run } = options;
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  const open = new Set<Promise<void>>();
  const looks = new LookLinks(options);
  const given = new Given({ ...run, signal: stop.signal });
  return {
    capacity: maxRunning,
    startsAtOnce: true,
    // With a credential of its own it has to connect to use it.
    sharesWriter: credentials === undefined,
    get running() {
      return open.size;
    },
    spawn(order: SpawnOrder, hooks: SpawnHooks = {}) {
      if (stop.signal.aborted) return Promise.reject(new Error('the spawner is stopped'));
      if (open.size >= maxRunning) return Promise.reject(new Error(`${maxRunning} instances run already`));
      const end = async (): Promise<void> => {
        const clean = await carryOut(order, { run: given.with(hooks), looks, credentials });
        open.delete(running);
        hooks.onExit?.(clean);
      };
      const running = end();
      open.add(running);
      return Promise.resolve();
    },
    async stop() {
      stop.abort();
      await Promise.all(open);
      await looks.close();
    },
  };
}

/** The options of all instances; those of one supervisor, over one connection, are the same. */
class Given {
  readonly #run: RunOrderOptions;
  #last: RunOrderOptions;

  constructor(run: RunOrderOptions) {
    this.#run = run;
    this.#last = run;
  }

  with({ sessions, writer }: SpawnHooks): RunOrderOptions {
    if (this.#last.sessions !== sessions || this.#last.writer !== writer)
      this.#last = { ...this.#run, sessions, writer };
    return this.#last;
  }
}

interface Started {
  readonly run: RunOrderOptions;
  readonly looks: LookLinks;
  readonly credentials: CredentialIssuer | undefined;
}

async function carryOut(order: SpawnOrder, { run, looks, credentials }: Started): Promise<boolean> {
  try {
    const reads = order.kind === 'step' && run.sessions === undefined;
    const lookLink = reads ? await looks.of(order) : undefined;
    const issued = credentials === undefined ? undefined : await credentials.issue(order);
    const own = lookLink === undefined ? issued : { ...issued, lookLink };
    const end = await runOrder(order, own === undefined ? run : { ...run, ...own });
    return end === 'clean';
  } catch (error) {
    run.logger?.warn('an instance could not run', { blueprint: order.blueprint, error: String(error) });
    return false;
  }
}

/** One unfenced link for each unit that all instances look through: half the connections. */
class LookLinks {
  readonly #options: InProcessSpawnerOptions;
  readonly #links = new Map<string, Promise<Link>>();

  constructor(options: InProcessSpawnerOptions) {
    this.#options = options;
  }

  /** Undefined when it cannot be opened now: the instance then opens one of its own, or fails for the same reason. */
  async of({ org, unit }: SpawnOrder): Promise<Link | undefined> {
    const key = `${org}/${unit}`;
    const link = this.#links.get(key) ?? openLookLink({ org, unit }, this.#options);
    this.#links.set(key, link);
    try {
      return await link;
    } catch {
      this.#links.delete(key);
      return undefined;
    }
  }

  async close(): Promise<void> {
    for (const link of this.#links.values())
      await link.then((opened) => opened.close()).catch(() => undefined);
    this.#links.clear();
  }
}
