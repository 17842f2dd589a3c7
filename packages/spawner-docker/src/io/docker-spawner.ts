import type { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { silentLogger, type Logger } from '@shoal/mqtt-link';
import {
  answerWithin,
  instanceIdOf,
  orderVariables,
  type CredentialIssuer,
  type Spawner,
  type SpawnHooks,
} from '@shoal/supervisor';
import type { Credentials, SpawnOrder } from '@shoal/workflow';
import Docker from 'dockerode';
import {
  containerOf,
  LABELS,
  type ContainerConfiguration,
  type ContainerSettings,
} from '../core/container.ts';
import { statusOf } from './status-of.ts';

/** Where the engine is. All unset: `DOCKER_HOST`, else `/var/run/docker.sock`. */
export interface DockerEngine {
  readonly socketPath?: string;
  readonly host?: string;
  readonly port?: number;
  readonly protocol?: 'http' | 'https';
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface DockerSpawnerOptions extends ContainerSettings, Credentials {
  /** Of the broker, as a container reaches it. */
  readonly url: string;
  readonly engine?: DockerEngine;
  /** Gives each container a credential of its own. Default: `username` and `password` go to all of them. */
  readonly credentials?: CredentialIssuer;
  /** Containers at once; one more is refused. Default 100. */
  readonly maxRunning?: number;
  /** Longest wait for one call to the engine. Default 30 000. */
  readonly callMs?: number;
  readonly logger?: Logger;
}

/** What the engine's client offers beneath its calls, and its types leave out. */
interface Modem {
  dial(request: object, done: (error: Error | null, answer: Readable) => void): void;
}

/** Pause before a container whose end could not be awaited is looked at again; doubles up to the longest. */
const LOOK_AGAIN_MS = 250;
const LONGEST_LOOK_MS = 10_000;
/** Between two tries to start what another is making or removing at this moment. */
const ANOTHER_AT_WORK_MS = 100;
const TRIES = 20;
/** Those that may still become something; `removing` goes by itself. */
const ALIVE = new Set(['running', 'paused', 'restarting']);

/**
 * A container for each instance. They outlive this process; one that opens later with the same `owner` counts them, and removes them when
 * they end. Resolves when those are known; rejects when the engine cannot be reached.
 */
export async function openDockerSpawner(options: DockerSpawnerOptions): Promise<Spawner> {
  const spawner = new DockerSpawner(options);
  await spawner.adopt();
  return spawner;
}

class DockerSpawner implements Spawner {
  readonly capacity: number;
  readonly #options: DockerSpawnerOptions;
  readonly #docker: Docker;
  readonly #logger: Logger;
  readonly #callMs: number;
  /** By name. */
  readonly #running = new Map<string, SpawnHooks>();
  readonly #stopping = new AbortController();

  constructor(options: DockerSpawnerOptions) {
    this.#options = options;
    this.#docker = new Docker(options.engine);
    this.#logger = options.logger ?? silentLogger;
    this.capacity = options.maxRunning ?? 100;
    this.#callMs = options.callMs ?? 30_000;
  }

  get running(): number {
    return this.#running.size;
  }

  /** What an earlier life of this spawner left: what runs is counted and awaited, what has ended is removed. */
  async adopt(): Promise<void> {
    const found = await this.#call(
      this.#docker.listContainers({
        all: true,
        filters: { label: [`${LABELS.owner}=${this.#options.owner}`] },
      }),
    );
    for (const { Id, Names, State } of found) {
      const [name = Id] = Names.map((path) => path.slice(1));
      if (ALIVE.has(State)) {
        this.#running.set(name, {});
        void this.#await(name);
      } else if (State !== 'removing') await this.#remove(Id);
    }
  }

  async spawn(order: SpawnOrder, hooks: SpawnHooks = {}): Promise<void> {
    if (this.#stopping.signal.aborted) throw new Error('the spawner is stopped');
    if (this.#running.size >= this.capacity) throw new Error(`${this.capacity} containers run already`);
    // Also checks the recipe, before anything is made.
    const { name } = containerOf(order, this.#options, {});
    const known = this.#running.has(name);
    this.#running.set(name, hooks);
    try {
      const variables = await orderVariables(this.#options, order);
      await this.#removePredecessors(order);
      await this.#run(order, variables);
    } catch (error) {
      if (!known) this.#running.delete(name);
      throw error;
    }
    if (!known) void this.#await(name);
  }

  /** Connections that await an end would keep the process alive. */
  stop(): Promise<void> {
    this.#stopping.abort();
    return Promise.resolve();
  }

  async #run(order: SpawnOrder, variables: Record<string, string>): Promise<void> {
    const configuration = containerOf(order, this.#options, variables);
    for (let left = TRIES; ; left -= 1) {
      const found = await this.#create(configuration);
      try {
        return await this.#start(configuration.name);
      } catch (error) {
        const status = statusOf(error);
        // Its name is taken before it is there, and until it is gone.
        if (found && left > 1 && (status === 404 || status === 409)) {
          await setTimeout(ANOTHER_AT_WORK_MS);
          continue;
        }
        // The engine says that it does not run. Where the connection broke, it may.
        if (status !== undefined) await this.#remove(configuration.name);
        throw error;
      }
    }
  }

  /** True: it was there already. An earlier try has made it, and its answer was lost. */
  async #create(configuration: ContainerConfiguration): Promise<boolean> {
    try {
      await this.#call(this.#docker.createContainer(configuration));
      return false;
    } catch (error) {
      if (statusOf(error) !== 409) throw error;
      return true;
    }
  }

  async #start(name: string): Promise<void> {
    try {
      await this.#call(this.#docker.getContainer(name).start());
    } catch (error) {
      // 304: it runs already.
      if (statusOf(error) !== 304) throw error;
    }
  }

  /** Another attempt was claimed: the ones before are fenced, and one that never got going would stay. */
  async #removePredecessors(order: SpawnOrder): Promise<void> {
    if (order.attempt === 1) return;
    const { owner } = this.#options;
    const label = [`${LABELS.owner}=${owner}`, `${LABELS.instance}=${instanceIdOf(order)}`];
    const found = await this.#call(this.#docker.listContainers({ all: true, filters: { label } }));
    for (const { Id, Labels } of found)
      if (Number(Labels[LABELS.attempt]) < order.attempt) await this.#remove(Id);
  }

  /** Until the container has ended, whatever becomes of the connection to the engine meanwhile. */
  async #await(name: string): Promise<void> {
    const { signal } = this.#stopping;
    for (let pauseMs = LOOK_AGAIN_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_LOOK_MS)) {
      try {
        const code = await this.#exitCode(name);
        if (signal.aborted) return;
        await this.#remove(name);
        return this.#ended(name, code === 0);
      } catch (error) {
        if (signal.aborted) return;
        // It was removed by somebody else: nobody can say how it ended.
        if (statusOf(error) === 404) return this.#ended(name, false);
        this.#logger.warn('the end of a container cannot be awaited', {
          container: name,
          error: String(error),
        });
      }
      await setTimeout(pauseMs, undefined, { ref: false });
    }
  }

  /**
   * Answered when the container has stopped. Asked for as a stream, for the engine sends the head of its answer at once, and the client's own
   * `wait` never settles when the connection breaks after that.
   */
  async #exitCode(name: string): Promise<number> {
    const body = await new Promise<Readable>((resolve, reject) => {
      const modem = this.#docker.getContainer(name).modem as Modem;
      const request = {
        path: `/containers/${encodeURIComponent(name)}/wait?condition=not-running`,
        method: 'POST',
        isStream: true,
        abortSignal: this.#stopping.signal,
        statusCodes: { 200: true, 404: 'no such container' },
      };
      modem.dial(request, (error, answer) => (error === null ? resolve(answer) : reject(error)));
    });
    return ((await json(body)) as { StatusCode: number }).StatusCode;
  }

  #ended(name: string, clean: boolean): void {
    const hooks = this.#running.get(name);
    this.#running.delete(name);
    if (!this.#stopping.signal.aborted) hooks?.onExit?.(clean);
  }

  async #remove(container: string): Promise<void> {
    try {
      await this.#call(this.#docker.getContainer(container).remove({ force: true, v: true }));
    } catch (error) {
      // Gone, or on its way.
      if (statusOf(error) !== 404 && statusOf(error) !== 409)
        this.#logger.warn('a container could not be removed', { container, error: String(error) });
    }
  }

  #call<T>(call: Promise<T>): Promise<T> {
    return answerWithin(call, this.#callMs, 'the Docker engine did not answer');
  }
}
