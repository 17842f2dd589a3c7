import { CommanderError } from 'commander';
import { COMMANDS } from './commands/index.ts';
import { toFailure, type Failure } from './errors.ts';
import { exitCodeOf } from './exit-codes.ts';
import type { Io } from './io.ts';
import { createStyle } from './output/style.ts';
import { buildProgram } from './program/build.ts';
import { createContext, type Format } from './program/context.ts';
import type { Flags, Leaf } from './program/leaf.ts';
import { loadConfigs } from './settings/config-files.ts';
import { resolveSettings, type ConnectionFlags } from './settings/settings.ts';

/**
 * Runs one command line (without the name of the program) and resolves with its exit code; `EXIT_CODES` says what each means. Never
 * rejects, never ends the process, and touches standard streams only through `io`. With `--json` standard output gets exactly one
 * document: what the command's schema says, or `{ error: { code, outcome, exitCode, message } }`.
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(COMMANDS, io, async (leaf, args, flags) => {
    exitCode = await execute(leaf, args, flags, io);
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) return report(toFailure(error), formatOf(argv), io);
    if (error.exitCode === 0) return 0;
    const message = error.message.replace(/^error: /, '');
    if (argv.includes('--json')) printError({ outcome: 'usage', code: 'usage', message }, io);
    return exitCodeOf('usage');
  }
}

async function execute(leaf: Leaf, args: readonly string[], flags: Flags, io: Io): Promise<number> {
  const format: Format = flags['jsonl'] === true ? 'jsonl' : flags['json'] === true ? 'json' : 'text';
  try {
    const connection = connectionFlags(leaf, flags);
    const configs = await loadConfigs(connection.config, io.env, io.cwd);
    const settings = resolveSettings(connection, io.env, configs, io.cwd);
    const style = createStyle(io.stdout, io.env, flags['color'] === false);
    const { context, close } = createContext({ io, settings, format, style });
    for (const warning of settings.warnings) context.note(`warning: ${warning}`);
    try {
      const implementation = await leaf.load();
      const value = await untilInterrupted(implementation.run(context, args, flags), leaf, io.signal);
      if (format === 'json') io.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
      if (format === 'text') io.stdout.write(implementation.text(value, style));
      return implementation.exitCode?.(value) ?? exitCodeOf(implementation.outcome?.(value) ?? 'ok');
    } finally {
      await close();
    }
  } catch (error) {
    const failure = toFailure(error);
    const interrupted = io.signal.aborted && failure.outcome !== 'findings';
    return report(
      interrupted ? { ...failure, outcome: 'interrupted', code: 'interrupted' } : failure,
      format,
      io,
    );
  }
}

function connectionFlags({ urlFlag }: Leaf, flags: Flags): ConnectionFlags {
  if (urlFlag === undefined) return flags;
  const { broker: _, ...others } = flags as ConnectionFlags;
  const url = flags[urlFlag];
  return typeof url === 'string' ? { ...others, broker: url } : others;
}

/** What watches ends by itself on Ctrl-C; of all else, nobody waits for the rest. */
async function untilInterrupted<T>(work: Promise<T>, leaf: Leaf, signal: AbortSignal): Promise<T> {
  if (leaf.untilStopped === true) return work;
  work.catch(() => undefined);
  let stopListening = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void =>
      reject(Object.assign(new Error('interrupted'), { name: 'LinkError', code: 'aborted' }));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort);
    stopListening = () => signal.removeEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    stopListening();
  }
}

function report(failure: Failure, format: Format, io: Io): number {
  io.stderr.write(`shoal: ${failure.message}\n`);
  if (format === 'json') printError(failure, io);
  return exitCodeOf(failure.outcome);
}

function printError({ outcome, code, message }: Failure, io: Io): void {
  const error = { code, outcome, exitCode: exitCodeOf(outcome), message };
  io.stdout.write(`${JSON.stringify({ error }, undefined, 2)}\n`);
}

function formatOf(argv: readonly string[]): Format {
  return argv.includes('--json') ? 'json' : 'text';
}
