/** A device and its agent. The pump is a simulation until yours publishes the same telemetry and serves the same tools. */
import { startDeviceAgent } from '@shoal/device-agent';
import { pumpModel, startDevice } from '@shoal/device-sim';

const place = { org: '__org__', unit: '__unit__' };

export interface Running {
  readonly stop: () => Promise<void>;
}

export interface DeviceOptions {
  /** Device seconds in a second. Default 10. */
  readonly speed?: number;
  /** Sample of device time at which a bearing begins to fail. Default 600. */
  readonly failsAtSample?: number;
}

export async function start(
  url: string,
  { speed = 10, failsAtSample = 600 }: DeviceOptions = {},
): Promise<Running> {
  const device = await startDevice({
    url,
    ...place,
    deviceId: '__name__',
    source: pumpModel({ seed: 1, faults: [{ kind: 'bearing-inner-race', startsAtSample: failsAtSample }] }),
    speed,
  });
  const agent = await startDeviceAgent({
    url,
    ...place,
    deviceId: '__name__',
    deviceType: 'pump',
    // Samples from which it learns what is normal. With `workflow: { …place, agentId }` it asks for help when something is not.
    detector: { learnSamples: 400 },
  });
  return {
    async stop() {
      await agent.stop();
      await device.stop();
    },
  };
}
