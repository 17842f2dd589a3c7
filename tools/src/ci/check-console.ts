import { assert, run } from './run-command.ts';

/** The console in a real browser against real brokers and agents. A test that was skipped proves nothing, so there must be none. */
const { stdout } = await run('npx', ['-y', 'pnpm@12.21.0', '--filter', '@shoal/console', 'run', 'e2e'], {
  timeoutMs: 900_000,
});
const [, passed = '0', failed = '', skipped = ''] =
  /(\d+) passed, (\d+) failed, (\d+) skipped/.exec(stdout) ?? [];
assert(
  Number(passed) >= 20 && failed === '0' && skipped === '0',
  `the browser tests did not all run\n${stdout.slice(-4_000)}`,
);
console.log(stdout.slice(-2_000));
