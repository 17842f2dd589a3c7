import { fork, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { RUN_VARIABLE } from './run.ts';

/** A process that is started again when it ends. */
export class Kept {
  readonly role: string;
  readonly #file: string;
  readonly #env: Record<string, string>;
  /** Milliseconds until it is back. */
  readonly #backAfterMs: () => number;
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(role: string, file: string, env: Record<string, string>, backAfterMs: () => number) {
    this.role = role;
    this.#file = file;
    this.#env = env;
    this.#backAfterMs = backAfterMs;
  }

  get pid(): number | undefined {
    return this.#child?.exitCode === null && this.#child.signalCode === null ? this.#child.pid : undefined;
  }

  /** Resolves with what the process says when it is ready for the first time. Throws when it ends before. */
  start(): Promise<Readonly<Record<string, string>>> {
    return new Promise((resolve, reject) => {
      const child = this.#spawn();
      child.once('message', (message) => resolve(message as Record<string, string>));
      child.once('exit', (code) => reject(new Error(`${this.role} ended with ${code} before it was ready`)));
    });
  }

  setEnv(name: string, value: string): void {
    this.#env[name] = value;
  }

  #spawn(): ChildProcess {
    const child = fork(this.#file, {
      execArgv: [],
      env: { ...process.env, ...this.#env },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child = child;
    child.once('exit', () => {
      if (this.#ended) return;
      this.#timer = setTimeout(() => this.#spawn(), this.#backAfterMs());
    });
    return child;
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#child?.kill('SIGKILL');
  }
}

export interface Instance {
  readonly pid: number;
  /** Of a step; a long-lived agent has none. */
  readonly sessionId?: string | undefined;
  readonly stepId?: string | undefined;
  readonly attempt: number;
}

/**
 * The step instances of a run, and the long-lived agents, that live now. Read from the system, not from their parents: those may be dead. Linux only.
 */
export function findInstances(runId: string): Instance[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const env = environmentOf(name);
    const order = env.get('SHOAL_ORDER');
    if (env.get(RUN_VARIABLE) !== runId || order === undefined) return [];
    const { sessionId, stepId, attempt } = JSON.parse(order) as Omit<Instance, 'pid'>;
    return [{ pid: Number(name), sessionId, stepId, attempt }];
  });
}

function environmentOf(pid: string): ReadonlyMap<string, string> {
  try {
    const text = readFileSync(`/proc/${pid}/environ`, 'utf8');
    return new Map(text.split('\0').map((pair) => pair.split(/=(.*)/s, 2) as [string, string]));
  } catch {
    // It ended meanwhile.
    return new Map();
  }
}

/** False: there is no such process any more. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
