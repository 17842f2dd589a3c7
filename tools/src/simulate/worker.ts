import type { Sabotage } from './core/sabotage.ts';
import type { SeedReport } from './io/run-seed.ts';
import { replaceGlobals } from './io/virtual-globals.ts';

/** Runs the seeds that it is sent and answers with their reports, until its parent is gone. */
replaceGlobals();
// Only now: the code under test takes hold of timers when it loads.
const { runSeed } = await import('./io/run-seed.ts');

export interface SeedOrder {
  readonly seed: number;
  readonly trace: boolean;
  readonly sabotage: Sabotage | undefined;
}

/** Every so manieth run also waits for the retention: that takes as long as ten others. */
const RETENTION_EVERY = 10;
/** ... and so many are run twice, to see that a seed decides everything. */
const TWICE_EVERY = 50;

process.on('message', (order: SeedOrder) => void answer(order));
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });

async function answer({ seed, trace, sabotage }: SeedOrder): Promise<void> {
  try {
    const options = { trace, sabotage, waitForRetention: seed % RETENTION_EVERY === 0 };
    const report = await runSeed(seed, options);
    if (seed % TWICE_EVERY === 0) {
      const again = await runSeed(seed, options);
      if (again.digest !== report.digest)
        return void process.send?.({ ...report, unrepeated: true } satisfies SeedReport);
    }
    process.send?.(report);
  } catch (error) {
    process.send?.({
      seed,
      scenario: 'none',
      faults: [],
      checked: [],
      virtualMs: 0,
      events: 0,
      digest: '',
      trace: [],
      violations: [
        `the simulation broke: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      ],
    } satisfies SeedReport);
  }
}
