/** A host in a process of its own, for suites that kill it: what runs on it dies with it. */
import { defineBlueprint } from '@shoal/workflow';
import { createHost, inProcessSpawner } from '../src/index.ts';

const { SHOAL_TEST_URL: url = '', SHOAL_TEST_UNIT: unit = '', SHOAL_TEST_HOST: hostId = '' } = process.env;
const work = defineBlueprint({
  id: 'work',
  description: 'Works for a while.',
  run: async ({ stepId, variables }) => {
    await new Promise((resolve) => setTimeout(resolve, Number(variables['workMs'] ?? 50)));
    return { output: stepId };
  },
});
const spawner = inProcessSpawner({ url, blueprints: [work], keepAliveSeconds: 1 });
await createHost({ url, org: 'o', unit, hostId, spawner, keepAliveSeconds: 1 }).start();
process.stdout.write('ready\n');
