import { parseArgs } from 'node:util';

export interface ChaosOptions {
  readonly minutes: number;
  readonly seed: number;
  /** Sessions that are open at once. */
  readonly sessions: number;
  readonly json: boolean;
}

/** Wrong command line; the message says what is right. */
export class UsageError extends Error {}

const USAGE = 'usage: pnpm chaos [--minutes N] [--seed S] [--sessions N] [--json]';

/** Throws UsageError. */
export function parseChaosOptions(args: readonly string[]): ChaosOptions {
  const { values } = parse(args.filter((arg) => arg !== '--'));
  return {
    minutes: numberOf('minutes', values.minutes ?? '1', 0.05, 10_000),
    seed: numberOf('seed', values.seed ?? '1', 0, 0xffff_ffff),
    sessions: numberOf('sessions', values.sessions ?? '6', 1, 200),
    json: values.json ?? false,
  };
}

function numberOf(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value <= most))
    throw new UsageError(`--${name} must be a number from ${least} to ${most}, is "${text}"\n${USAGE}`);
  return value;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        minutes: { type: 'string' },
        seed: { type: 'string' },
        sessions: { type: 'string' },
        json: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}
