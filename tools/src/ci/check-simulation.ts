import { SABOTAGES } from '../simulate/core/sabotage.ts';
import { assert, sourceArgs, startCommand } from './run-command.ts';

/** `pnpm simulate`: 10 000 seeds without a breach, and each sabotage noticed by enough of a thousand. */
const SEEDS = process.argv[2] ?? '1-10000';
const FEW_SEEDS = '1-1000';
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

for (const sabotage of Object.keys(SABOTAGES)) {
  const { failedSeeds } = await simulate('--seeds', FEW_SEEDS, '--sabotage', sabotage);
  assert(
    failedSeeds.length >= LEAST_NOTICED,
    `${sabotage} is noticed by ${failedSeeds.length} of seeds ${FEW_SEEDS}, must be ${LEAST_NOTICED}`,
  );
  console.log(`${sabotage}: noticed by ${failedSeeds.length} of seeds ${FEW_SEEDS}`);
}
const { runs, failedSeeds } = await simulate('--seeds', SEEDS);
console.log(`${runs} runs, ${failedSeeds.length} failed`);
for (const { seed, violations } of failedSeeds) console.log(`seed ${seed}: ${violations.join('; ')}`);
assert(failedSeeds.length === 0, 'an invariant was broken');
