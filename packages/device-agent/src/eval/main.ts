import { parseArgs } from 'node:util';
import { DeviceAgentError, isDeviceAgentError } from '../errors.ts';
import { describeBearing, evaluateBearingFolder } from './bearing.ts';
import { requireDataFolder } from './files.ts';
import { describePump, evaluatePumpFolder } from './pump.ts';

const USAGE = `usage: eval pump|bearing [--data DIR] [--json]

  pump      anomaly detection on recordings of the Skoltech Anomaly Benchmark (CSV files below DIR)
  bearing   vibration diagnosis on the recordings that DIR/manifest.json lists
  --data    folder of the recordings; default: pump/ or bearing/ in SHOAL_DATA, then in ../shared/data
  --json    one JSON document on stdout`;

function main(args: readonly string[]): void {
  const { values, positionals } = parse(args);
  const [name, ...rest] = positionals;
  if (values.help === true) return print(USAGE);
  if (rest.length > 0)
    throw new DeviceAgentError('usage', `one evaluation at a time, not also: ${rest.join(' ')}`);
  switch (name) {
    case 'pump': {
      const result = evaluatePumpFolder(requireDataFolder(values.data, 'pump'));
      return print(values.json === true ? JSON.stringify(result, null, 2) : describePump(result));
    }
    case 'bearing': {
      const result = evaluateBearingFolder(requireDataFolder(values.data, 'bearing'));
      return print(values.json === true ? JSON.stringify(result, null, 2) : describeBearing(result));
    }
    default:
      throw new DeviceAgentError(
        'usage',
        `${name === undefined ? 'name' : `"${name}" is not`} an evaluation: pump or bearing`,
      );
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { data: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    });
  } catch (cause) {
    throw new DeviceAgentError('usage', cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  main(process.argv.slice(2).filter((arg) => arg !== '--'));
} catch (error) {
  const usage = isDeviceAgentError(error, 'usage');
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`eval: ${message}\n${usage ? `\n${USAGE}\n` : ''}`);
  process.exitCode = usage ? 2 : 1;
}
