import { createRequester } from '@shoal/agent-sdk';
import { openLink } from '@shoal/mqtt-link';
import { createSupervisor, inProcessSpawner } from '@shoal/supervisor';
import { defineBlueprint, parseWorkflow } from '@shoal/workflow';

const url = process.argv[2] ?? 'mqtt://127.0.0.1:1883';

const measure = defineBlueprint({
  id: 'measure',
  description: 'Measures one thing.',
  run: async ({ input, progress }) => {
    const what = input['what'] ?? null;
    progress(`measuring ${JSON.stringify(what)}`);
    return { output: { what, value: 7 } };
  },
});
const report = defineBlueprint({
  id: 'report',
  description: 'Writes the report.',
  run: ({ results }) =>
    Promise.resolve({ output: { measured: Object.values(results) }, summary: 'Two things were measured.' }),
});

const spawner = inProcessSpawner({ url, blueprints: [measure, report] });
const supervisor = createSupervisor({
  url,
  org: 'acme',
  unit: 'plant',
  workflows: [
    parseWorkflow(`
id: check
description: Measures two things at once and reports them.
steps:
  - { id: speed, use: { blueprint: measure }, with: { what: speed } }
  - { id: heat, use: { blueprint: measure }, with: { what: heat } }
  - { id: report, use: { blueprint: report }, needs: [speed, heat] }
`),
  ],
  spawner,
});
await supervisor.start();

// Whoever asks needs to know nothing of workflows: it is an agent like any other.
const link = await openLink({ url, clientId: 'acme/plant/operator' });
const operator = createRequester({ link, address: { org: 'acme', unit: 'plant', agentId: 'operator' } });
for await (const item of operator.stream({ org: 'acme', unit: 'plant', agentId: 'check' }, 'please')) {
  const status = item.statusUpdate?.status;
  if (status !== undefined) console.log(status.state, JSON.stringify(status.message?.parts ?? []));
  if (item.artifactUpdate !== undefined) console.log(JSON.stringify(item.artifactUpdate.artifact.parts));
}
await operator.close();
await link.close();
await supervisor.stop();
await spawner.stop();
