export interface BenchOptions {
  readonly benchmark: string;
  readonly json: boolean;
  readonly rounds: number;
  /** Fewer and shorter measurements: shows that it runs, proves nothing. */
  readonly quick: boolean;
  readonly broker: 'embedded' | 'mosquitto';
  /** Only the rows of this group, or with this in their name, where the benchmark has groups. */
  readonly only?: string;
}

/** Wrong command line; the message says what is right. */
export class UsageError extends Error {}

const DEFAULT_ROUNDS = 5;
const QUICK_ROUNDS = 2;

/** Throws UsageError. */
export function parseBenchOptions(args: readonly string[], benchmarks: readonly string[]): BenchOptions {
  const names: string[] = [];
  let json = false;
  let quick = false;
  let rounds: number | undefined;
  let broker: BenchOptions['broker'] = 'embedded';
  let only: string | undefined;
  const rest = args.filter((arg) => arg !== '--');
  for (let at = 0; at < rest.length; at += 1) {
    const [flag, inline] = splitFlag(rest[at]!);
    const value = (): string => inline ?? rest[(at += 1)] ?? '';
    if (flag === '--json') json = true;
    else if (flag === '--quick') quick = true;
    else if (flag === '--rounds') rounds = parseRounds(value());
    else if (flag === '--only') only = value();
    else if (flag === '--broker') broker = parseBroker(value());
    else if (flag.startsWith('-')) throw new UsageError(`unknown option ${flag}\n${usage(benchmarks)}`);
    else names.push(flag);
  }
  const [benchmark, another] = names;
  if (benchmark === undefined) throw new UsageError(`name a benchmark\n${usage(benchmarks)}`);
  if (another !== undefined) throw new UsageError(`one benchmark at a time, not ${names.join(' and ')}`);
  if (!benchmarks.includes(benchmark)) {
    throw new UsageError(`unknown benchmark "${benchmark}"\n${usage(benchmarks)}`);
  }
  return {
    benchmark,
    json,
    quick,
    broker,
    rounds: rounds ?? (quick ? QUICK_ROUNDS : DEFAULT_ROUNDS),
    ...(only === undefined ? {} : { only }),
  };
}

function splitFlag(arg: string): [string, string | undefined] {
  const at = arg.startsWith('--') ? arg.indexOf('=') : -1;
  return at < 0 ? [arg, undefined] : [arg.slice(0, at), arg.slice(at + 1)];
}

function parseRounds(text: string): number {
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 1_000) {
    throw new UsageError(`--rounds must be an integer from 1 to 1000, is "${text}"`);
  }
  return rounds;
}

function parseBroker(text: string): BenchOptions['broker'] {
  if (text === 'embedded' || text === 'mosquitto') return text;
  throw new UsageError(`--broker must be embedded or mosquitto, is "${text}"`);
}

function usage(benchmarks: readonly string[]): string {
  return `usage: pnpm bench NAME [--json] [--rounds N] [--quick] [--broker embedded|mosquitto] [--only ROWS]
benchmarks: ${benchmarks.join(', ')}`;
}
