import { existsSync } from 'node:fs';
import { assert, run } from './run-command.ts';

/** The console in a real browser against real brokers and agents; without a browser this check says so, and proves nothing. */
const places = [
  process.env['CHROMIUM_PATH'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];
if (!places.some((path) => path !== undefined && existsSync(path))) {
  console.log('skip  console in Chromium: none is installed; set CHROMIUM_PATH');
} else {
  const { stdout } = await run('npx', ['-y', 'pnpm@12.21.0', '--filter', '@shoal/console', 'run', 'e2e'], {
    timeoutMs: 1_200_000,
  });
  const [, passed = '0', failed = '0'] = /(\d+) passed, (\d+) failed/.exec(stdout) ?? [];
  assert(Number(passed) > 10 && failed === '0', `the browser tests did not run\n${stdout.slice(-2_000)}`);
  console.log(stdout.slice(-2_000));
}
