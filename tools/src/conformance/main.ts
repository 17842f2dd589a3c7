import { parseArgs } from 'node:util';
import { ROOT, sourceArgs, startCommand } from '../ci/run-command.ts';
import { runSelf, selfAsText } from './self.ts';

/** `pnpm conformance --self [--json] [--only IDS] [--broker NAME]`: Shoal against its own kit. Anything else is for `shoal-conformance`. */
const args = process.argv.slice(2).filter((arg) => arg !== '--');
if (args.includes('--self')) {
  const { values } = parseArgs({
    args,
    options: {
      self: { type: 'boolean' },
      json: { type: 'boolean' },
      only: { type: 'string' },
      broker: { type: 'string' },
    },
  });
  const report = await runSelf(values.only?.split(','), values.broker);
  process.stdout.write(`${values.json === true ? JSON.stringify(report, null, 2) : selfAsText(report)}\n`);
  process.exitCode = report.ok ? 0 : 1;
} else {
  const main = `${ROOT}packages/conformance/src/bin/main.ts`;
  const { code } = await startCommand(process.execPath, sourceArgs(main, ...args), {
    cwd: process.cwd(),
    stdio: 'inherit',
  }).done;
  process.exitCode = code ?? 1;
}
