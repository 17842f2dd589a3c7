import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Answered } from './serve.ts';

/** A process of a benchmark. It answers one call at a time, and ends with its parent. */
export interface WorkerProcess {
  call<T extends Answered = number>(
    command: string,
    parameters?: Readonly<Record<string, unknown>>,
  ): Promise<T>;
  stop(): Promise<void>;
}

interface Answer {
  readonly ready?: Readonly<Record<string, unknown>>;
  readonly value?: Answered;
  readonly error?: string;
}

export interface StartedWorker extends WorkerProcess {
  /** What the worker said when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>;
  readonly pid: number;
  /** SIGKILL. */
  kill(): void;
}

export async function startWorker(file: string, role: string, parameters: unknown): Promise<StartedWorker> {
  const child = fork(file, [role, JSON.stringify(parameters)], {
    // Not the loader that runs this file.
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const { ready = {} } = await answerOf(child, role);
  return {
    ready,
    pid: child.pid!,
    kill: () => void child.kill('SIGKILL'),
    async call<T extends Answered>(command: string, parameters: Readonly<Record<string, unknown>> = {}) {
      child.send({ command, ...parameters });
      const { value } = await answerOf(child, role);
      return (value ?? Number.NaN) as T;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

function answerOf(child: ChildProcess, role: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      child.off('message', onMessage).off('exit', onExit);
    };
    const onMessage = (answer: Answer): void => {
      settle();
      if (answer.error === undefined) resolve(answer);
      else reject(new Error(`${role}: ${answer.error}`));
    };
    const onExit = (code: number | null): void => {
      settle();
      reject(new Error(`${role} ended with exit code ${code}`));
    };
    child.on('message', onMessage).on('exit', onExit);
  });
}
