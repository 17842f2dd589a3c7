import type { DeviceSample, DeviceSource, Setpoint } from '../src/core/source.ts';

export interface SourceRun {
  readonly state: unknown;
  readonly samples: readonly DeviceSample[];
}

/** The next samples of a source; fewer when a recording ends. `setpoint` unset: nominal speed, running. */
export function runSource(
  source: DeviceSource,
  count: number,
  setpoint?: Partial<Setpoint>,
  from?: SourceRun,
): SourceRun {
  const given = { rpm: source.description.nominalRpm, running: true, ...setpoint };
  let state = from === undefined ? source.initial() : from.state;
  const samples: DeviceSample[] = [];
  for (let made = 0; made < count; made += 1) {
    const next = source.next(state, given);
    if (next === undefined) break;
    state = next.state;
    samples.push(next.sample);
  }
  return { state, samples };
}

export function valuesOf(samples: readonly DeviceSample[], channel: string): number[] {
  return samples.map((sample) => sample.channels[channel]).filter((value) => typeof value === 'number');
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}

/** How far a channel moved between two stretches, in standard deviations of the first. */
export function shift(
  before: readonly DeviceSample[],
  after: readonly DeviceSample[],
  channel: string,
): number {
  const learnt = valuesOf(before, channel);
  return (mean(valuesOf(after, channel)) - mean(learnt)) / deviation(learnt);
}
