#!/usr/bin/env node
import { runAgentProgram } from '@shoal/agent-sdk/program';
import { startFleetCoordinator } from '../io/coordinator-agent.ts';

await runAgentProgram({
  name: 'shoal-fleet-coordinator',
  summary: 'Asks the neighbours of a device, weighs production, writes the work order.',
  flags: {
    planner: {
      value: 'ID',
      help: 'agent id of the maintenance planner in the same unit, default maintenance-planner',
    },
    production: {
      value: 'FILE',
      help: 'JSON with fields of the production plan: demandPercentByHour, valuePerHour, fixedCostPerHour, campaigns',
    },
  },
  start(place, flags) {
    const { planner } = flags.values;
    const production = flags.json('production');
    return startFleetCoordinator({
      ...place,
      ...(planner === undefined ? {} : { planner }),
      ...(production === undefined ? {} : { production: production as object }),
    });
  },
});
