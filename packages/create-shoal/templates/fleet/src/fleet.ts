/** A small fleet: pumps, an agent for each, and the workflow that an agent asks when its pump behaves abnormally. */
import { startDeviceAgent } from '@shoal/device-agent';
import { pumpModel, startDevice } from '@shoal/device-sim';
import { createSupervisor, inProcessSpawner } from '@shoal/supervisor';
import { defineBlueprint, parseWorkflow } from '@shoal/workflow';

const place = { org: '__org__', unit: '__unit__' };
const workflowId = '__name__';

const definition = `
id: ${workflowId}
description: From an abnormal signal to a recommendation.
variables:
  deviceId: { type: string }
  agentId: { type: string }
  detectedAt: { type: string }
  evidence: { type: object }
steps:
  - { id: ask, use: { agent: "\${ variables.agentId }" }, with: { skill: status } }
  - id: recommend
    use: { blueprint: recommend }
    needs: [ask]
    with: { deviceId: "\${ variables.deviceId }", evidence: "\${ variables.evidence }" }
`;

const recommend = defineBlueprint({
  id: 'recommend',
  description: 'Says what to look at first.',
  run: ({ input }) => {
    const { channels } = input['evidence'] as { channels: { channel: string; deviation: number }[] };
    const worst = channels.toSorted((a, b) => Math.abs(b.deviation) - Math.abs(a.deviation))[0];
    const deviceId = input['deviceId'] ?? null;
    return Promise.resolve({
      output: { deviceId, look: worst?.channel ?? 'sensors' },
      summary: `${JSON.stringify(deviceId)}: look at ${worst?.channel ?? 'the sensors'} first`,
    });
  },
});

export interface Running {
  readonly stop: () => Promise<void>;
}

export interface FleetOptions {
  /** Device seconds in a second. Default 10. */
  readonly speed?: number;
  /** Told once for each request that an agent made, when it has ended. */
  readonly onRecommendation?: (deviceId: string, outcome: unknown) => void;
}

export async function start(
  url: string,
  { speed = 10, onRecommendation }: FleetOptions = {},
): Promise<Running> {
  const spawner = inProcessSpawner({ url, blueprints: [recommend] });
  const supervisor = createSupervisor({ url, ...place, workflows: [parseWorkflow(definition)], spawner });
  await supervisor.start();
  const stops = await Promise.all(
    ['pump-01', 'pump-02', 'pump-03'].map(async (deviceId, index) => {
      // The first one's bearing begins to fail after ten minutes of device time.
      const faults = index === 0 ? [{ kind: 'bearing-inner-race' as const, startsAtSample: 600 }] : [];
      const source = pumpModel({ seed: index + 1, faults });
      const device = await startDevice({ url, ...place, deviceId, source, speed });
      const agent = await startDeviceAgent({
        url,
        ...place,
        deviceId,
        deviceType: 'pump',
        detector: { learnSamples: 400 },
        workflow: { ...place, agentId: workflowId },
        onOutcome: ({ outcome }) => (onRecommendation ?? tell)(deviceId, outcome),
      });
      return async () => {
        await agent.stop();
        await device.stop();
      };
    }),
  );
  return {
    async stop() {
      await Promise.all(stops.map((stop) => stop()));
      await supervisor.stop();
      await spawner.stop();
    },
  };
}

function tell(deviceId: string, outcome: unknown): void {
  process.stdout.write(`${deviceId}: ${JSON.stringify(outcome)}\n`);
}
