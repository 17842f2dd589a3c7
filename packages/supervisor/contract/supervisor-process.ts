/** A supervisor in a process of its own, for suites that kill it. */
import { consoleLogger } from '@shoal/mqtt-link';
import { parseWorkflow } from '@shoal/workflow';
import { childProcessSpawner, createSupervisor } from '../src/index.ts';
import { QUICK } from './quick-policy.ts';

const { SHOAL_TEST_URL: url = '', SHOAL_TEST_UNIT: unit = '', SHOAL_TEST_YAML: yaml = '' } = process.env;
const supervisor = createSupervisor({
  url,
  org: 'o',
  unit,
  workflows: [parseWorkflow(yaml)],
  policy: { ...QUICK, startGraceMs: 5_000 },
  reconcileIntervalMs: 500,
  probeTimeoutMs: 300,
  spawner: childProcessSpawner({
    url,
    command: process.execPath,
    args: [process.env['SHOAL_TEST_STEP'] ?? ''],
  }),
  logger: consoleLogger(process.env['SHOAL_TEST_LOG'] === undefined ? 'error' : 'info'),
});
await supervisor.start();
process.stdout.write('ready\n');
