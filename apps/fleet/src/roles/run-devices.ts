import { processLogger } from '../processes/logger.ts';
import { createScenario, startDevice, type Device } from '@shoal/device-sim';
import { stopWhenTold, tellReady } from '../processes/managed.ts';
import { readConfig } from './config.ts';

/** All simulated devices in one process; each has a connection of its own. */
export async function runDevices(): Promise<void> {
  process.title = 'shoal-devices';
  const { url, org, unit, devices: count, speed, startAt, data } = readConfig();
  const scenario = await createScenario({
    devices: count,
    site: unit,
    ...(data === null ? {} : { dataFolder: data }),
  });
  const logger = processLogger();
  const running: Device[] = [];
  stopWhenTold(async () => {
    await Promise.all(running.map((device) => device.stop()));
  });
  for (const { deviceId, source } of scenario.devices)
    running.push(
      await startDevice({ url, org, unit, deviceId, source, speed, startAt: new Date(startAt), logger }),
    );
  tellReady();
}
