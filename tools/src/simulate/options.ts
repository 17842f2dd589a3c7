import { parseArgs } from 'node:util';
import { isSabotage, SABOTAGES, type Sabotage } from './core/sabotage.ts';

export interface SimulateOptions {
  readonly from: number;
  readonly to: number;
  readonly json: boolean;
  /** Prints everything that happened; for one seed. */
  readonly trace: boolean;
  readonly workers: number;
  /** Breaks something on purpose: the run has to fail. */
  readonly sabotage: Sabotage | undefined;
}

/** Wrong command line; the message says what is right. */
export class UsageError extends Error {}

const USAGE = `usage: pnpm simulate [--seeds FROM-TO] [--json] [--workers N]
       pnpm simulate --seeds N --trace
       pnpm simulate --sabotage ${Object.keys(SABOTAGES).join('|')} [--seeds FROM-TO]`;

/** Throws UsageError. */
export function parseSimulateOptions(args: readonly string[], cores: number): SimulateOptions {
  const { values } = parse(args.filter((arg) => arg !== '--'));
  const match = /^(\d+)(?:-(\d+))?$/.exec(values.seeds ?? '1-1000');
  if (match === null) throw new UsageError(`--seeds must read FROM-TO or N, is "${values.seeds}"\n${USAGE}`);
  const from = Number(match[1]);
  const to = Number(match[2] ?? match[1]);
  if (to < from || to > 0xffff_ffff)
    throw new UsageError(`--seeds must go up and stay below 2^32, is "${values.seeds}"\n${USAGE}`);
  const workers = Number(values.workers ?? cores);
  if (!Number.isInteger(workers) || workers < 1 || workers > 64)
    throw new UsageError(`--workers must be an integer from 1 to 64, is "${values.workers}"\n${USAGE}`);
  const trace = values.trace ?? false;
  if (trace && from !== to) throw new UsageError(`--trace is for one seed\n${USAGE}`);
  const { sabotage } = values;
  if (sabotage !== undefined && !isSabotage(sabotage))
    throw new UsageError(`--sabotage knows no "${sabotage}"\n${USAGE}`);
  return { from, to, trace, sabotage, workers: Math.min(workers, to - from + 1), json: values.json ?? false };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seeds: { type: 'string' },
        json: { type: 'boolean' },
        trace: { type: 'boolean' },
        workers: { type: 'string' },
        sabotage: { type: 'string' },
      },
    });
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}
