import { processLogger } from '../processes/logger.ts';
import { flushTelemetry } from '@shoal/mqtt-link/tracing';
import { ORDER_VARIABLES, readOrder, runOrder } from '@shoal/workflow';
import { deviceAgentBlueprint } from '../blueprints/device-agent.ts';
import { stepBlueprints } from '../blueprints/index.ts';
import { plannerBlueprint } from '../blueprints/maintenance-planner.ts';
import { stopWhenTold } from '../processes/managed.ts';
import { readConfig } from './config.ts';

/** What the supervisor spawns: one step of one session, or one long-lived agent. */
export async function runSpawned(): Promise<void> {
  const order = readOrder(process.env[ORDER_VARIABLES.order]);
  process.title = order.kind === 'step' ? `shoal-step ${order.stepId}` : `shoal-agent ${order.agentId}`;
  const { root, url, stepSeconds, reasoner: config, llamaModule } = readConfig();
  const reasoner = config === null ? null : { config, llamaModule };
  const stop = new AbortController();
  const running = runOrder(order, {
    url,
    blueprints: order.kind === 'step' ? stepBlueprints(root, url, stepSeconds, reasoner) : [],
    agents: [deviceAgentBlueprint(reasoner), plannerBlueprint()],
    signal: stop.signal,
    logger: processLogger(),
  });
  stopWhenTold(async () => {
    stop.abort();
    await running;
  });
  const end = await running;
  await flushTelemetry();
  process.exit(end === 'clean' ? 0 : 1);
}
