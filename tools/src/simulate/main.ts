import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { bundle } from '../bench/bundle.ts';
import type { SeedReport } from './io/run-seed.ts';
import { parseSimulateOptions, UsageError, type SimulateOptions } from './options.ts';
import { formatReport, Summary } from './report.ts';
import type { SeedOrder } from './worker.ts';

/** Exit code 1: an invariant was broken. 2: wrong command line. One document on stdout, all else on stderr. */
async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  if (options === undefined) return;
  const summary = new Summary();
  const file = await bundle(new URL('worker.ts', import.meta.url));
  const seeds = seedsOf(options);
  await Promise.all(Array.from({ length: options.workers }, () => work(file, seeds, summary, options)));
  const report = summary.report();
  process.stdout.write(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : formatReport(report));
  if (report.failedSeeds.length > 0) process.exitCode = 1;
}

function* seedsOf({ from, to }: SimulateOptions): Generator<number> {
  for (let seed = from; seed <= to; seed += 1) yield seed;
}

/** One process after the other takes the next seed, so that a long run holds nobody up. */
function work(
  file: string,
  seeds: Generator<number>,
  summary: Summary,
  { trace, from, sabotage }: SimulateOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(file, {
      execArgv: ['--max-old-space-size=2048'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    let current: number | undefined;
    const next = (): void => {
      const { value, done } = seeds.next();
      current = value as number | undefined;
      if (done === true || current === undefined) return child.disconnect();
      child.send({ seed: current, trace, sabotage } satisfies SeedOrder);
    };
    child.on('message', (message: SeedReport | { ready: true }) => {
      if ('seed' in message) {
        summary.add(message);
        if (trace) process.stderr.write(`${message.trace.join('\n')}\n`);
        if (message.violations.length > 0) process.stderr.write(`seed ${message.seed} failed\n`);
        else if ((message.seed - from) % 500 === 499) process.stderr.write(`… ${message.seed}\n`);
      }
      next();
    });
    child.on('exit', (code) =>
      code === 0
        ? resolve()
        : reject(new Error(`the worker ended with exit code ${code} at seed ${current}`)),
    );
  });
}

function readOptions(args: readonly string[]): SimulateOptions | undefined {
  try {
    return parseSimulateOptions(args, availableParallelism());
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 2;
    return undefined;
  }
}

await main(process.argv.slice(2));
