import { assert, run, sourceArgs } from './run-command.ts';

/** `pnpm bench rpc --json` prints one document of the documented shape. Its ratios are reported, not asserted. */
const { stdout } = await run(
  process.execPath,
  sourceArgs('tools/src/bench/main.ts', 'rpc', '--json', '--quick'),
);
const document = JSON.parse(stdout) as { benchmark: string; rounds: number; rows: Record<string, unknown>[] };
assert(document.benchmark === 'rpc', `benchmark is ${document.benchmark}`);
assert(document.rows.length > 0, 'no rows');
for (const row of document.rows)
  for (const key of ['name', 'value', 'unit', 'baseline', 'ratio', 'target', 'pass'])
    assert(key in row, `row ${JSON.stringify(row)} has no ${key}`);
console.log(stdout);
