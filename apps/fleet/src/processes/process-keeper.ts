import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

export interface KeptProcess {
  readonly name: string;
  readonly pid: number | undefined;
  /** SIGTERM, then SIGKILL after `graceMs`; resolves when the process is gone. It is not started again. */
  stop(graceMs?: number): Promise<void>;
}

export interface KeepOptions {
  readonly name: string;
  readonly entry: string;
  readonly execArgv: readonly string[];
  readonly env: () => NodeJS.ProcessEnv;
  /** The process said that it is ready, with what it has to tell. Called after each start. */
  readonly onReady: (message: ReadyMessage) => void;
  readonly onDeath: (death: { name: string; how: string; restartInMs: number }) => void;
  readonly minDelayMs?: number;
  readonly maxDelayMs?: number;
}

export interface ReadyMessage {
  readonly ready: true;
  readonly url?: string;
  /** The broker's, for browsers. */
  readonly wsUrl?: string;
}

const STABLE_MS = 10_000;

/** Starts a process and starts it again whenever it dies, with a pause that doubles up to `maxDelayMs` (default 100 to 5000). */
export function keepProcess(options: KeepOptions): KeptProcess {
  const { minDelayMs = 100, maxDelayMs = 5000 } = options;
  let child: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopping = false;
  let delayMs = minDelayMs;

  const start = (): void => {
    const startedAt = performance.now();
    child = fork(options.entry, {
      execArgv: [...options.execArgv],
      env: options.env(),
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    child.on('message', (message) => {
      if (isReady(message)) options.onReady(message);
    });
    child.once('error', () => {});
    child.once('exit', (code, signal) => {
      child = undefined;
      if (stopping) return;
      if (performance.now() - startedAt > STABLE_MS) delayMs = minDelayMs;
      options.onDeath({ name: options.name, how: signal ?? `exit code ${code}`, restartInMs: delayMs });
      timer = setTimeout(start, delayMs);
      delayMs = Math.min(maxDelayMs, delayMs * 2);
    });
  };
  start();

  return {
    name: options.name,
    get pid() {
      return child?.pid;
    },
    async stop(graceMs = 5000) {
      stopping = true;
      clearTimeout(timer);
      const running = child;
      if (running === undefined || running.exitCode !== null) return;
      const gone = once(running, 'exit');
      running.kill('SIGTERM');
      const kill = setTimeout(() => running.kill('SIGKILL'), graceMs);
      await gone;
      clearTimeout(kill);
    },
  };
}

function isReady(message: unknown): message is ReadyMessage {
  return typeof message === 'object' && message !== null && (message as { ready?: unknown }).ready === true;
}
