import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { processLogger } from '../processes/logger.ts';
import { childProcessSpawner, createSupervisor } from '@shoal/supervisor';
import { parseWorkflow } from '@shoal/workflow';
import { stopWhenTold, tellReady } from '../processes/managed.ts';
import { DEVICE_AGENT_BLUEPRINT, PLANNER_BLUEPRINT, readConfig, spawnedEnvironment } from './config.ts';

const RECONCILE_MS = 2_000;

/** A supervisor: requests become sessions, every step and every device agent becomes a process. */
export async function runSupervisor(): Promise<void> {
  process.title = 'shoal-supervisor';
  const { root, url, org, unit } = readConfig();
  const file = join(root, 'workflows/predictive-maintenance.yaml');
  const spawner = childProcessSpawner({
    command: process.execPath,
    // The program that this process runs, in another role.
    args: [...process.execArgv, ...process.argv.slice(1, 2)],
    url,
    env: spawnedEnvironment(),
    // Ctrl-C is the launcher's: what it reaches would stop while the fleet still wants it.
    detached: true,
    maxRunning: 500,
  });
  const supervisor = createSupervisor({
    url,
    org,
    unit,
    workflows: [parseWorkflow(readFileSync(file, 'utf8'), { file })],
    spawner,
    agentBlueprints: [DEVICE_AGENT_BLUEPRINT, PLANNER_BLUEPRINT],
    reconcileIntervalMs: RECONCILE_MS,
    logger: processLogger(),
  });
  stopWhenTold(() => supervisor.stop());
  await supervisor.start();
  tellReady();
  if ((await supervisor.ended) === 'evicted') process.exit(1);
}
