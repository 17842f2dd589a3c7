import { planScenario, type PlannedDevice as ScenarioDevice } from '@shoal/device-sim';

export interface PlannedDevice extends ScenarioDevice {
  /** Where its signal comes from. */
  readonly source: 'recording' | 'model';
}

/** The devices of the demo: the same number gives the same site, so every process can work it out for itself. */
export function planDevices(count: number, site: string, data: string | undefined): readonly PlannedDevice[] {
  return planScenario({ devices: count, site }).map((device) => ({
    ...device,
    source: data !== undefined && device.type === 'pump' ? 'recording' : 'model',
  }));
}
