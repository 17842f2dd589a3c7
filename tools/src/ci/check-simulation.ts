import { SABOTAGES } from '../simulate/core/sabotage.ts';
import { assert, sourceArgs, startCommand } from './run-command.ts';

/** `pnpm simulate`: 10 000 seeds without a breach, and each sabotage noticed by enough of a thousand. */
const SEEDS = process.argv[2] ?? '1-10000';
const MOST_SEEDS = 1_000;
const SEEDS_AT_ONCE = 100;
/** Fewer, and chance decides whether a mistake of that kind is found. */
const LEAST_NOTICED = 20;

interface Document {
  readonly runs: number;
  readonly failedSeeds: readonly { readonly seed: number; readonly violations: readonly string[] }[];
}

async function simulate(...args: readonly string[]): Promise<Document> {
  const { stdout, stderr } = await startCommand(
    process.execPath,
    sourceArgs('tools/src/simulate/main.ts', '--json', ...args),
    { timeoutMs: 30 * 60_000 },
  ).done;
  if (stdout === '') throw new Error(stderr.slice(-4000));
  return JSON.parse(stdout) as Document;
}

/** A hundred seeds at a time, until enough have noticed. */
async function noticed(sabotage: string): Promise<void> {
  let count = 0;
  for (let last = SEEDS_AT_ONCE; last <= MOST_SEEDS; last += SEEDS_AT_ONCE) {
    const seeds = `${last - SEEDS_AT_ONCE + 1}-${last}`;
    count += (await simulate('--seeds', seeds, '--sabotage', sabotage)).failedSeeds.length;
    if (count < LEAST_NOTICED) continue;
    console.log(`${sabotage}: noticed by ${count} of seeds 1-${last}`);
    return;
  }
  throw new Error(`${sabotage} is noticed by ${count} of seeds 1-${MOST_SEEDS}, must be ${LEAST_NOTICED}`);
}

for (const sabotage of Object.keys(SABOTAGES)) await noticed(sabotage);
const { runs, failedSeeds } = await simulate('--seeds', SEEDS);
console.log(`${runs} runs, ${failedSeeds.length} failed`);
for (const { seed, violations } of failedSeeds) console.log(`seed ${seed}: ${violations.join('; ')}`);
assert(failedSeeds.length === 0, 'an invariant was broken');
