import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface SourceProcess {
  /** Lines of its standard output so far. */
  readonly lines: string[];
  /** Resolves when a line fits; rejects with what it said when it ends before. */
  until(fits: (line: string, lines: readonly string[]) => boolean): Promise<string>;
  /** Default SIGKILL; resolves when it is gone and its output is read to the end. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Resolves when it is gone: its exit code (null after a signal) and all that it wrote to standard error. */
  readonly ended: Promise<{ readonly code: number | null; readonly stderr: string }>;
}

/** Runs a TypeScript file with `tsx`, packages of the workspace from their sources. `env` comes on top of this process's. */
export function startSource(
  file: URL,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): SourceProcess {
  const script = fileURLToPath(file);
  const child = spawn(process.execPath, ['--conditions=@shoal/source', '--import', 'tsx', script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const lines: string[] = [];
  let stderr = '';
  let notify: () => void = () => undefined;
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    notify();
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stderr }));
  return {
    lines,
    ended,
    async until(fits) {
      for (;;) {
        const found = lines.find((line) => fits(line, lines));
        if (found !== undefined) return found;
        const end = await Promise.race([
          ended,
          new Promise<undefined>((resolve) => (notify = () => resolve(undefined))),
        ]);
        if (end !== undefined) throw new Error(`${script} ended; it said: ${lines.join(' ')}\n${end.stderr}`);
      }
    },
    async kill(signal = 'SIGKILL') {
      child.kill(signal);
      await ended;
    },
  };
}
