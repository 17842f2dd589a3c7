import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { ORDER_VARIABLES, orderEnvironment, type Credentials, type SpawnOrder } from '@shoal/workflow';
import type { Spawner, SpawnHooks } from '../types.ts';

export interface ChildProcessSpawnerOptions extends Credentials {
  /** A program whose main is `runSpawned`. */
  readonly command: string;
  readonly args?: readonly string[];
  readonly url: string;
  /** Its whole environment besides the order. Default: PATH, HOME, TMPDIR, NODE_* and LANG of this process, and no secret of it. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Processes at once; one more is refused. Default 100. */
  readonly maxRunning?: number;
  /** A process group of its own: Ctrl-C in the terminal does not reach it. Default false. */
  readonly detached?: boolean;
}

export interface ChildProcessSpawner extends Spawner {
  readonly pids: readonly number[];
  /** Sends a signal to every process that it started. `stop` never does. */
  signal(name: NodeJS.Signals): void;
}

/**
 * A process for each instance. It outlives this one: nothing but the broker ties them together (stdin is closed; stdout and stderr
 * are this process's own, no pipe that breaks). Order and credentials travel in its environment.
 */
export function childProcessSpawner(options: ChildProcessSpawnerOptions): ChildProcessSpawner {
  const { command, args = [], maxRunning = 100 } = options;
  const children = new Set<ChildProcess>();
  let stopped = false;
  return {
    capacity: maxRunning,
    get running() {
      return children.size;
    },
    get pids() {
      return [...children].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
    },
    async spawn(order: SpawnOrder, hooks: SpawnHooks = {}) {
      if (stopped) throw new Error('the spawner is stopped');
      if (children.size >= maxRunning) throw new Error(`${maxRunning} processes run already`);
      const child = spawn(command, args, {
        stdio: ['ignore', 'inherit', 'inherit'],
        env: environment(options, order),
        detached: options.detached ?? false,
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      });
      children.add(child);
      child.once('exit', (code) => {
        children.delete(child);
        hooks.onExit?.(code === 0);
      });
      try {
        await once(child, 'spawn');
      } catch (error) {
        children.delete(child);
        throw error;
      }
      child.on('error', () => undefined);
      child.unref();
    },
    signal(name) {
      for (const child of children) child.kill(name);
    },
    stop() {
      stopped = true;
      return Promise.resolve();
    },
  };
}

function environment(options: ChildProcessSpawnerOptions, order: SpawnOrder): Record<string, string> {
  const { username, password, url } = options;
  return {
    ...(options.env ?? inherited()),
    ...orderEnvironment(order),
    [ORDER_VARIABLES.url]: url,
    ...(username === undefined ? {} : { [ORDER_VARIABLES.username]: username }),
    ...(password === undefined ? {} : { [ORDER_VARIABLES.password]: password }),
  };
}

const INHERITED = /^(PATH|HOME|TMPDIR|TEMP|LANG|TZ|SYSTEMROOT|NODE_.*)$/i;

function inherited(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value !== undefined && INHERITED.test(name) ? [[name, value] as const] : [],
    ),
  );
}
