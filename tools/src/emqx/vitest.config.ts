import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import base from '../../../vitest.config.ts';

const BROKER_AS_EMQX = fileURLToPath(new URL('./broker-as-emqx.ts', import.meta.url));

/**
 * `pnpm test:emqx`: tests of what meets cards and presence, with the profile `emqx` in every broker that they start without naming one.
 * Left out are those that run on both profiles anyway, and long ones about processes that are killed.
 */
export default defineConfig({
  ...base,
  root: fileURLToPath(new URL('../../..', import.meta.url)),
  plugins: [
    {
      name: 'brokers-are-emqx',
      enforce: 'pre',
      resolveId: (source, importer) =>
        source === '@shoal/broker' && importer !== BROKER_AS_EMQX ? BROKER_AS_EMQX : undefined,
    },
  ],
  test: {
    ...base.test,
    testNamePattern: /^(?!.*Mosquitto)/,
    include: [
      'packages/{a2a-js-mqtt,fleet-coordinator,mcp-mqtt,mqtt-link,supervisor,workflow}/contract/*.test.ts',
      'packages/agent-sdk/src/{artifacts,directory,task-store-contract}.test.ts',
      'packages/agent-sdk/src/{io,security,skills}/*.test.ts',
      'packages/device-agent/src/io/*.test.ts',
      'packages/maintenance-planner/test/planner-agent.test.ts',
      'apps/gateway/contract/*.test.ts',
      'apps/cli/test/{acl,agents,devices,doctor,sessions}.test.ts',
      'tools/src/emqx/*.check.ts',
    ],
    exclude: [
      'packages/supervisor/contract/{approval-kill,broker-restart,chaos,faults,hosts,spawners}.test.ts',
      'apps/gateway/contract/process.test.ts',
    ],
  },
});
