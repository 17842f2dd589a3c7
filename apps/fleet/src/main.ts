import { parseOptions, USAGE, UsageError, type FleetOptions } from './cli/options.ts';
import { runFleet } from './launcher/run-fleet.ts';

process.title = 'shoal-fleet';
process.exitCode = await main(process.argv.slice(2));
// Whatever is still open has had its chance; stdout is written first.
process.stdout.write('', () => process.exit());

async function main(argv: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(argv);
    if (options !== undefined) return await run(options);
    process.stdout.write(USAGE);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
}

async function run(options: FleetOptions): Promise<number> {
  const stop = new AbortController();
  process.on('SIGINT', () => stop.abort());
  process.on('SIGTERM', () => stop.abort());
  const report = await runFleet(options, options.json ? process.stderr : process.stdout, stop.signal);
  if (options.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  return report.ok ? 0 : 1;
}
