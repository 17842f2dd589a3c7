import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { WARM_VARIABLE, type SpawnOrder } from '@shoal/workflow';
import type { Spawner, SpawnHooks } from '../types.ts';
import { baseEnvironment, orderVariables, type SpawnedEnvironmentOptions } from './spawned-environment.ts';

export interface ChildProcessSpawnerOptions extends SpawnedEnvironmentOptions {
  /** A program whose main is `runSpawned`. */
  readonly command: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** Processes at once; one more is refused. Default 100. */
  readonly maxRunning?: number;
  /** A process group of its own: Ctrl-C in the terminal does not reach it. Default false. */
  readonly detached?: boolean;
  /**
   * Processes that are started ahead and wait for an order, beside those that run. Default 0. An order then starts within milliseconds
   * instead of the time that Node takes to load the program. One that was taken is replaced in about that time: give as many as orders
   * may come within it.
   */
  readonly warm?: number;
}

export interface ChildProcessSpawner extends Spawner {
  /** Of the processes that were started ahead, how many have loaded their program and wait. */
  readonly ready: number;
  /** Of the processes that carry out an order. */
  readonly pids: readonly number[];
  /** Sends a signal to every process that carries out an order. `stop` never does. */
  signal(name: NodeJS.Signals): void;
}

/**
 * A process for each instance. It outlives this one: nothing but the broker ties them together (stdin is closed; stdout and stderr
 * are this process's own, no pipe that breaks). Order and credentials travel in its environment, or, to one that was started ahead, in a
 * message. A process that has no order yet ends with this one.
 */
export function childProcessSpawner(options: ChildProcessSpawnerOptions): ChildProcessSpawner {
  const { maxRunning = 100, warm = 0 } = options;
  const children = new Set<ChildProcess>();
  /** Started ahead, the oldest first, and whether they are ready. */
  const waiting = new Map<ChildProcess, boolean>();
  /** Orders whose credential is being made. */
  let preparing = 0;
  let stopped = false;
  let pauseMs = FIRST_PAUSE_MS;

  const fillUp = (): void => {
    if (stopped) return;
    while (waiting.size < warm && waiting.size - readyOf(waiting).length < STARTS_AT_ONCE) {
      const child = startWarm(options, () => replaceLater(child));
      waiting.set(child, false);
      child.once('message', () => {
        pauseMs = FIRST_PAUSE_MS;
        if (waiting.has(child)) waiting.set(child, true);
        fillUp();
      });
    }
  };
  /** One that ended before an order came: perhaps its program is broken, so the next may not end a moment later. */
  const replaceLater = (child: ChildProcess): void => {
    if (!waiting.delete(child)) return;
    setTimeout(fillUp, pauseMs).unref();
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  };
  /** One that waits takes the order, one that is still starting if need be; undefined when none can. */
  const takeWaiting = (variables: Record<string, string>): ChildProcess | undefined => {
    for (const child of [...readyOf(waiting), ...waiting.keys()]) {
      waiting.delete(child);
      if (child.connected && child.send(variables)) return child;
    }
    return undefined;
  };
  fillUp();
  return {
    capacity: maxRunning,
    get running() {
      return children.size + preparing;
    },
    get ready() {
      return readyOf(waiting).length;
    },
    get pids() {
      return [...children].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
    },
    async spawn(order: SpawnOrder, hooks: SpawnHooks = {}) {
      if (stopped) throw new Error('the spawner is stopped');
      if (children.size + preparing >= maxRunning) throw new Error(`${maxRunning} processes run already`);
      preparing += 1;
      const variables = await orderVariables(options, order).finally(() => (preparing -= 1));
      if (stopped) throw new Error('the spawner is stopped');
      const ready = takeWaiting(variables);
      const child = ready ?? startCold(options, variables);
      children.add(child);
      child.once('exit', (code) => {
        children.delete(child);
        hooks.onExit?.(code === 0);
      });
      fillUp();
      if (ready === undefined) {
        try {
          await once(child, 'spawn');
        } catch (error) {
          children.delete(child);
          throw error;
        }
      }
      child.on('error', () => undefined);
      child.unref();
    },
    signal(name) {
      for (const child of children) child.kill(name);
    },
    stop() {
      stopped = true;
      for (const child of waiting.keys()) child.kill();
      waiting.clear();
      return Promise.resolve();
    },
  };
}

/** Before a waiting process that ended is replaced; doubles up to the longest while none gets ready. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 60_000;
/** A start takes a processor for a tenth of a second, which those that carry out an order want as well. */
const STARTS_AT_ONCE = Math.max(1, Math.floor(availableParallelism() / 2));

function readyOf(waiting: ReadonlyMap<ChildProcess, boolean>): readonly ChildProcess[] {
  return [...waiting].flatMap(([child, isReady]) => (isReady ? [child] : []));
}

function startCold(options: ChildProcessSpawnerOptions, variables: Record<string, string>): ChildProcess {
  const { command, args = [], detached = false, cwd } = options;
  return spawn(command, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...baseEnvironment(options), ...variables },
    detached,
    ...(cwd === undefined ? {} : { cwd }),
  });
}

function startWarm(options: ChildProcessSpawnerOptions, gone: () => void): ChildProcess {
  const { command, args = [], detached = false, cwd } = options;
  const child = spawn(command, args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...baseEnvironment(options), [WARM_VARIABLE]: '1' },
    detached,
    ...(cwd === undefined ? {} : { cwd }),
  });
  // It keeps nobody alive, and one that cannot start is no loss: the order starts a cold one and tells why.
  child.on('error', gone);
  child.once('exit', gone);
  child.unref();
  child.channel?.unref();
  return child;
}
