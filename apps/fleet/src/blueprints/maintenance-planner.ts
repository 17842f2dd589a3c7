import { readFileSync } from 'node:fs';
import { defineAgentBlueprint, type AgentBlueprint, type RunningAgent } from '@shoal/workflow';
import { PLANNER_BLUEPRINT } from '../roles/config.ts';
import { requiredText } from './step-input.ts';

/**
 * The plant's one maintenance planner: stock, people and bookings in a database that outlives the process. `config`: `database` and `seed`
 * are paths of files, `site` is where the machines stand.
 */
export function plannerBlueprint(): AgentBlueprint {
  return defineAgentBlueprint({
    id: PLANNER_BLUEPRINT,
    description: 'Plans and books repairs: parts, technicians, travel, the cost of downtime.',
    async start(context): Promise<RunningAgent> {
      const { org, unit, agentId, url, username, password, logger, config } = context;
      const seed: unknown = JSON.parse(readFileSync(requiredText(config, 'seed'), 'utf8'));
      // Loaded only here: the database has a native addon that no other process needs.
      const { startMaintenancePlanner } = await import('@shoal/maintenance-planner');
      const planner = await startMaintenancePlanner({
        org,
        unit,
        agentId,
        url,
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
        logger,
        database: requiredText(config, 'database'),
        seed,
        policy: { site: requiredText(config, 'site') },
      });
      return { stop: () => planner.stop() };
    },
  });
}
