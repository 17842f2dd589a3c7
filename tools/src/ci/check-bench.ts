import { assert, run, sourceArgs } from './run-command.ts';

const KEYS = ['name', 'value', 'unit', 'baseline', 'ratio', 'target', 'pass'];

/** `pnpm bench NAME --json` prints one document of the documented shape. Its ratios are reported, not asserted. */
async function check(name: string, ...options: readonly string[]): Promise<void> {
  const { stdout } = await run(
    process.execPath,
    sourceArgs('tools/src/bench/main.ts', name, '--json', '--quick', ...options),
  );
  const document = JSON.parse(stdout) as {
    benchmark: string;
    rounds: number;
    rows: Record<string, unknown>[];
  };
  assert(document.benchmark === name, `benchmark is ${document.benchmark}`);
  assert(document.rows.length > 0, 'no rows');
  for (const row of document.rows)
    for (const key of KEYS) assert(key in row, `row ${JSON.stringify(row)} has no ${key}`);
  console.log(stdout);
}

await check('rpc');
await check('agents', '--rounds', '1');
await check('broker', '--rounds', '1');
await check('workflow', '--rounds', '1');
await check('recovery', '--rounds', '1');
await check('device', '--rounds', '1');
