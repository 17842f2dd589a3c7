import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { implement, type Implementation } from '../program/leaf.ts';

interface Ended {
  readonly code: number;
}

/**
 * Runs a program of another package in a process of its own, with this one's streams: its flags, its output and its exit codes are its
 * own. It hears of SIGTERM from here; Ctrl-C reaches both from the terminal.
 */
export function program(specifier: string): Implementation {
  return implement<Ended>({
    async run(context, args) {
      const main = fileURLToPath(import.meta.resolve(specifier));
      const child = spawn(process.execPath, [...process.execArgv, main, ...args], {
        stdio: 'inherit',
        cwd: context.io.cwd,
      });
      const handOn = (): void => {
        const fromTerminal =
          context.io.stdin.isTTY && (context.signal.reason as Error | undefined)?.message === 'SIGINT';
        if (!fromTerminal) child.kill('SIGTERM');
      };
      context.signal.addEventListener('abort', handOn);
      if (context.signal.aborted) handOn();
      const [code] = (await once(child, 'exit')) as [number | null];
      return { code: code ?? 130 };
    },
    text: () => '',
    exitCode: ({ code }) => code,
  });
}
