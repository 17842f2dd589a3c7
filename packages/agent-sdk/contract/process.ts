import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface Process {
  /** Lines of its output so far. */
  readonly lines: string[];
  /** Resolves when a line fits. */
  until(fits: (line: string, lines: readonly string[]) => boolean): Promise<string>;
  /** SIGKILL; resolves when it is gone and its output is read to the end. */
  kill(): Promise<void>;
}

/** Runs a script of this folder from its source. */
export function startProcess(script: string, args: readonly string[]): Process {
  const file = new URL(script, import.meta.url).pathname;
  const child = spawn(process.execPath, ['--conditions=@shoal/source', '--import', 'tsx', file, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const closed = once(child, 'close');
  let notify: () => void = () => undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    notify();
  });
  return {
    lines,
    async until(fits) {
      for (;;) {
        const found = lines.find((line) => fits(line, lines));
        if (found !== undefined) return found;
        const ended = await Promise.race([
          closed.then(() => true),
          new Promise<false>((resolve) => (notify = () => resolve(false))),
        ]);
        if (ended) throw new Error(`${script} ended; it said: ${lines.join(' ')}`);
      }
    },
    async kill() {
      child.kill('SIGKILL');
      await closed;
    },
  };
}
