#!/usr/bin/env node
import { runAgentProgram } from '@shoal/agent-sdk/program';
import { startMaintenancePlanner } from '../io/planner-agent.ts';

await runAgentProgram({
  name: 'shoal-maintenance-planner',
  summary: 'Books repairs: parts, technicians, the earliest safe slot.',
  flags: {
    database: { value: 'FILE', help: 'the embedded database; created when it is missing' },
    seed: { value: 'FILE', help: 'JSON with parts, technicians and travel for a new database' },
    policy: { value: 'FILE', help: 'JSON with fields of the planning policy' },
  },
  start(place, flags) {
    const seed = flags.json('seed');
    const policy = flags.json('policy');
    return startMaintenancePlanner({
      ...place,
      database: flags.required('database'),
      ...(seed === undefined ? {} : { seed }),
      ...(policy === undefined ? {} : { policy: policy as object }),
    });
  },
});
