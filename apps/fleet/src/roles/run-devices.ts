import { processLogger } from '../processes/logger.ts';
import { createScenario, startDevice, type Device } from '@shoal/device-sim';
import { stopWhenTold, tellReady } from '../processes/managed.ts';
import { readConfig } from './config.ts';

/** Device time of the first sample. Fixed, so that every run plans against the same calendar. */
const FIRST_SAMPLE_AT = new Date('2026-03-02T08:00:00Z');

/** All simulated devices in one process; each has a connection of its own. */
export async function runDevices(): Promise<void> {
  process.title = 'shoal-devices';
  const { url, org, unit, devices: count, speed, data } = readConfig();
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
      await startDevice({ url, org, unit, deviceId, source, speed, startAt: FIRST_SAMPLE_AT, logger }),
    );
  tellReady();
}
