import { Check, Errors } from 'typebox/value';
import { expect } from 'vitest';
import { run, SHAPES, type Io } from '../src/index.ts';

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string;
  readonly tty?: boolean;
  readonly columns?: number;
  readonly signal?: AbortSignal;
  /** Typed when a secret is asked for. */
  readonly secret?: string;
  /** Called with all of standard output so far. */
  readonly onOutput?: (stdout: string) => void;
}

/** Runs a command line in this process, away from this machine's own configuration. */
export async function cli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const written = { stdout: '', stderr: '' };
  const { tty = false, columns = 120 } = options;
  const sink = (name: 'stdout' | 'stderr') => ({
    write(text: string) {
      written[name] += text;
      if (name === 'stdout') options.onOutput?.(written.stdout);
    },
    isTTY: tty,
    columns: tty ? columns : undefined,
  });
  const io: Io = {
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    stdin: {
      isTTY: tty,
      read: () => Promise.resolve(options.stdin ?? ''),
      readSecret: () => Promise.resolve(options.secret ?? ''),
    },
    env: options.env ?? {},
    cwd: options.cwd ?? '/',
    signal: options.signal ?? new AbortController().signal,
  };
  const code = await run(args, io);
  return { code, ...written };
}

/** Runs with `--json`: one document on standard output, of the shape that is published for it. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- names what the shape was checked to be
export async function cliJson<T = unknown>(
  shape: string,
  args: readonly string[],
  options: CliOptions = {},
): Promise<{ readonly value: T; readonly code: number; readonly stderr: string }> {
  const { code, stdout, stderr } = await cli([...args, '--json'], options);
  const value = JSON.parse(stdout) as T;
  expect(describeMismatch(shape, value), `${args.join(' ')}\n${stderr}`).toEqual([]);
  return { value, code, stderr };
}

/** Runs with `--json`, for a command that fails: the error document. */
export async function cliError(
  args: readonly string[],
  options: CliOptions = {},
): Promise<{
  readonly code: number;
  readonly error: { code: string; outcome: string; exitCode: number; message: string };
}> {
  const { code, stdout } = await cli([...args, '--json'], options);
  const { error } = JSON.parse(stdout) as {
    error: { code: string; outcome: string; exitCode: number; message: string };
  };
  expect(error.exitCode).toBe(code);
  return { code, error };
}

function describeMismatch(shape: string, value: unknown): readonly string[] {
  const schema = SHAPES[shape];
  if (schema === undefined) return [`no shape ${shape}`];
  if (Check(schema, value)) return [];
  return Errors(schema, value).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
