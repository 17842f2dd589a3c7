import { describeMachine } from './machine.ts';
import type { Benchmark } from './benchmark.ts';
import { parseBenchOptions, UsageError } from './options.ts';
import { toRow, type Report } from './report.ts';
import { agents } from './agents/agents.ts';
import { broker } from './broker/broker.ts';
import { device } from './device/device.ts';
import { recovery } from './recovery/recovery.ts';
import { rpc } from './rpc/rpc.ts';
import { workflow } from './workflow/workflow.ts';
import { formatTable } from './table.ts';

const BENCHMARKS: readonly Benchmark[] = [rpc, agents, broker, workflow, recovery, device];

/** One document on stdout, JSON or a table; all else on stderr. Exit 2: wrong command line. Exit 1: the benchmark broke. */
async function main(args: readonly string[]): Promise<void> {
  const options = parseBenchOptions(
    args,
    BENCHMARKS.map(({ name }) => name),
  );
  const benchmark = BENCHMARKS.find(({ name }) => name === options.benchmark)!;
  const note = (text: string): void => void process.stderr.write(`${text}\n`);
  const { measured, settings } = await benchmark.run({ options, note });
  const report: Report = {
    benchmark: benchmark.name,
    machine: describeMachine(),
    rounds: options.rounds,
    rows: measured.map(toRow),
    settings: { quick: options.quick, ...settings },
  };
  process.stdout.write(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : formatTable(report));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
