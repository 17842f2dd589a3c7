import { spawn } from 'node:child_process';
import type { SubjectCommand } from '../core/manifest.ts';
import { fillPlaceholders } from '../core/manifest.ts';

/** One life of a subject. */
export interface Subject {
  /** How it ended; undefined while it lives. */
  readonly ended: string | undefined;
  readonly exited: Promise<string>;
  /** Asks it to end (SIGTERM), and makes it end after the grace. */
  stop(graceMs: number): Promise<void>;
  /** Ends it as a crash would (SIGKILL). */
  kill(): void;
  /** What it wrote to standard output and standard error, each cut to the newest 64 KiB. */
  output(): { readonly stdout: string; readonly stderr: string };
}

/** Starts a subject for the values of its placeholders. */
export type Launch = (values: Readonly<Record<string, string>>) => Subject;

const KEPT_OUTPUT = 65_536;

/** Processes must not outlive the kit, however it ends. */
const endWithKit = new Set<() => void>();
process.once('exit', () => {
  for (const end of endWithKit) end();
});

/** Starts a subject by its command, without a shell. Placeholders in `command` and `env` are filled; the process dies with this one. */
export function commandLaunch(subject: SubjectCommand): Launch {
  return (values) => {
    const fill = (text: string): string => fillPlaceholders(text, values);
    const [program = '', ...args] = subject.command.map(fill);
    const added = Object.entries(subject.env ?? {}).map(([name, text]) => [name, fill(text)]);
    return new ProcessSubject(program, args, Object.fromEntries(added) as NodeJS.ProcessEnv, subject.cwd);
  };
}

class ProcessSubject implements Subject {
  ended: string | undefined;
  readonly exited: Promise<string>;
  readonly #kill: (signal: NodeJS.Signals) => void;
  #stdout = '';
  #stderr = '';

  constructor(program: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd: string | undefined) {
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
    });
    child.stdout.on('data', (chunk: Buffer) => {
      this.#stdout = (this.#stdout + chunk.toString('utf8')).slice(-KEPT_OUTPUT);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString('utf8')).slice(-KEPT_OUTPUT);
    });
    const withKit = (): void => void child.kill('SIGKILL');
    endWithKit.add(withKit);
    this.#kill = (signal) => void child.kill(signal);
    this.exited = new Promise((resolve) => {
      const end = (how: string): void => {
        endWithKit.delete(withKit);
        this.ended ??= how;
        resolve(this.ended);
      };
      child.once('error', (error) => end(`could not be started: ${error.message}`));
      child.once('close', (code, signal) =>
        end(signal === null ? `exited with ${code}` : `was ended by ${signal}`),
      );
    });
  }

  async stop(graceMs: number): Promise<void> {
    if (this.ended !== undefined) return;
    this.#kill('SIGTERM');
    const timer = setTimeout(() => this.#kill('SIGKILL'), graceMs);
    await this.exited;
    clearTimeout(timer);
  }

  kill(): void {
    if (this.ended === undefined) this.#kill('SIGKILL');
  }

  output(): { readonly stdout: string; readonly stderr: string } {
    return { stdout: this.#stdout, stderr: this.#stderr };
  }
}
