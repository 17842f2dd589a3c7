import type { Telemetry } from '@shoal/protocol';

export const ORG = 'bench';
export const UNIT = 'device';

const CHANNELS = [
  'vibration1',
  'vibration2',
  'current',
  'pressure',
  'temperature',
  'fluid',
  'voltage',
  'flow',
];

export function deviceIdOf(index: number): string {
  return `device-${index}`;
}

/** Eight channels of a machine that runs steadily: the same numbers each time (a linear congruential generator). */
export function telemetryOf(deviceId: string, seq: number): Telemetry {
  let state = (seq * 2_654_435_761) >>> 0;
  const noise = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  return {
    schemaVersion: 1,
    deviceId,
    at: new Date(1_700_000_000_000 + seq * 1000).toISOString(),
    seq,
    channels: Object.fromEntries(CHANNELS.map((channel, index) => [channel, 10 * (index + 1) + noise()])),
  };
}

/** What the least careful agent would do: a moving mean and spread for each channel, and a threshold. */
export class NaiveDetector {
  readonly #means = new Map<string, number>();
  readonly #variances = new Map<string, number>();
  alarms = 0;

  push({ channels }: Telemetry): void {
    for (const [channel, value] of Object.entries(channels)) {
      if (value === null) continue;
      const mean = this.#means.get(channel) ?? value;
      const variance = this.#variances.get(channel) ?? 1;
      if ((value - mean) ** 2 > 25 * variance) this.alarms += 1;
      this.#means.set(channel, mean + 0.05 * (value - mean));
      this.#variances.set(channel, variance + 0.05 * ((value - mean) ** 2 - variance));
    }
  }
}
