import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface ConsoleOptions {
  /** The broker's WebSocket listener; undefined leaves the field empty. */
  readonly brokerUrl: string | undefined;
  readonly org: string;
  readonly unit: string;
  readonly onReady: (url: string) => void;
  readonly onFailure: (reason: string) => void;
}

/** Builds and serves the web console in a process of its own; returns what ends it. It is not started again. */
export function startConsole(options: ConsoleOptions): () => Promise<void> {
  const { brokerUrl, org, unit, onReady, onFailure } = options;
  const args = ['--org', org, '--unit', unit, ...(brokerUrl === undefined ? [] : ['--broker', brokerUrl])];
  const child = fork(fileURLToPath(import.meta.resolve('@shoal/console/serve')), args, {
    execArgv: process.execArgv,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stopping = false;
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString('utf8')).slice(-4_000)));
  child.on('message', (message) => {
    const { url } = message as { readonly url?: unknown };
    if (typeof url === 'string') onReady(url);
  });
  child.once('error', (error) => onFailure(error.message));
  child.once('exit', (code, signal) => {
    if (!stopping) onFailure(`${signal ?? `exit code ${code}`} ${firstLine(said)}`.trim());
  });
  return async () => {
    stopping = true;
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await gone;
    clearTimeout(kill);
  };
}

function firstLine(text: string): string {
  return (
    text
      .split('\n')
      .find((line) => /error/i.test(line))
      ?.trim() ?? ''
  );
}
