import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export interface CommandResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  readonly child: ChildProcess;
  /** Everything written so far. */
  output(): { stdout: string; stderr: string };
  readonly done: Promise<CommandResult>;
}

/**
 * Starts a program and collects what it prints. It leads a process group; `timeoutMs` (default 5 minutes) ends the whole of it with
 * SIGKILL, for a child's child that holds the output open would make `done` wait for ever.
 */
export function startCommand(
  file: string,
  args: readonly string[],
  options: SpawnOptions & { timeoutMs?: number } = {},
): RunningCommand {
  const { timeoutMs = 300_000, ...spawnOptions } = options;
  const child = spawn(file, args, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    ...spawnOptions,
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  running.add(child);
  const timer = setTimeout(() => killGroup(child), timeoutMs);
  const done = new Promise<CommandResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      running.delete(child);
      resolve({ code, signal, stdout, stderr });
    });
  });
  return { child, output: () => ({ stdout, stderr }), done };
}

const running = new Set<ChildProcess>();

process.once('exit', () => running.forEach(killGroup));
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(signal, () => process.exit(code));

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of it is left.
  }
}

/** Runs a program to its end; throws with its output when it fails. */
export async function run(
  file: string,
  args: readonly string[],
  options: SpawnOptions & { timeoutMs?: number } = {},
) {
  const result = await startCommand(file, args, options).done;
  if (result.code !== 0) {
    const how = result.signal ?? `exit code ${result.code}`;
    throw new Error(
      `${file} ${args.join(' ')}: ${how}\n${result.stdout.slice(-4000)}\n${result.stderr.slice(-4000)}`,
    );
  }
  return result;
}

/** The arguments that run a TypeScript file of the workspace. */
export function sourceArgs(file: string, ...args: readonly string[]): string[] {
  return ['--conditions=@shoal/source', '--import', 'tsx', file, ...args];
}

export function assert(condition: unknown, message: string): asserts condition {
  if (condition === false || condition === undefined || condition === null) throw new Error(message);
}
