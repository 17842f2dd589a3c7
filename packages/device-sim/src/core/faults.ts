import { DeviceSimError } from './errors.ts';
import type { ChannelSpec, MachineType } from './source.ts';

/** The faults that can be injected, and the machines that can have them. */
export const FAULT_KINDS = {
  'bearing-inner-race': ['pump', 'hvac'],
  'bearing-outer-race': ['pump', 'hvac'],
  'bearing-ball': ['pump', 'hvac'],
  imbalance: ['pump', 'hvac'],
  cavitation: ['pump'],
  'valve-closing': ['pump', 'hvac'],
  'filter-clogging': ['hvac'],
  'sensor-drift': ['pump', 'hvac'],
  'sensor-stuck': ['pump', 'hvac'],
} as const satisfies Record<string, readonly MachineType[]>;

export type FaultKind = keyof typeof FAULT_KINDS;

export interface Fault {
  readonly kind: FaultKind;
  /** The first sample that shows it. */
  readonly startsAtSample: number;
  /** 0 to 1. Default 1: unmistakable, the machine still runs. */
  readonly severity?: number;
  /** Samples from nothing to the full severity. Default 30. */
  readonly rampSamples?: number;
  /** For `sensor-drift` and `sensor-stuck`. */
  readonly channel?: string;
}

/** How strong each kind of fault is at one sample, 0 to 1. */
export type FaultLevels = Readonly<Record<FaultKind, number>>;

export function faultLevel(fault: Fault, index: number): number {
  if (index < fault.startsAtSample) return 0;
  const ramp = Math.max(1, fault.rampSamples ?? 30);
  return (fault.severity ?? 1) * Math.min(1, (index - fault.startsAtSample + 1) / ramp);
}

/** Of several faults of a kind the strongest counts. */
export function faultLevels(faults: readonly Fault[], index: number): FaultLevels {
  const levels = Object.fromEntries(Object.keys(FAULT_KINDS).map((kind) => [kind, 0])) as Record<
    FaultKind,
    number
  >;
  for (const fault of faults) levels[fault.kind] = Math.max(levels[fault.kind], faultLevel(fault, index));
  return levels;
}

export function activeFaults(faults: readonly Fault[], index: number): string[] {
  return faults.filter((fault) => faultLevel(fault, index) > 0).map((fault) => fault.kind);
}

export function assertFaults(
  type: MachineType,
  channels: readonly ChannelSpec[],
  faults: readonly Fault[],
): void {
  for (const fault of faults) {
    const machines: readonly MachineType[] = FAULT_KINDS[fault.kind] ?? [];
    if (!machines.includes(type)) {
      throw new DeviceSimError(
        'fault-not-applicable',
        `a ${type} cannot have the fault ${JSON.stringify(fault.kind)}`,
      );
    }
    inRange('fault.startsAtSample', fault.startsAtSample, 0, Number.MAX_SAFE_INTEGER);
    inRange('fault.severity', fault.severity ?? 1, 0, 1);
    inRange('fault.rampSamples', fault.rampSamples ?? 30, 1, 1e9);
    if (fault.kind !== 'sensor-drift' && fault.kind !== 'sensor-stuck') continue;
    if (channels.some((channel) => channel.name === fault.channel)) continue;
    const names = channels.map((channel) => channel.name).join(', ');
    throw new DeviceSimError('fault-not-applicable', `${fault.kind} needs fault.channel, one of ${names}`);
  }
}

/** Throws `out-of-range`, also for NaN. */
export function inRange(field: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return;
  throw new DeviceSimError('out-of-range', `${field} is ${value}; it must be ${min} to ${max}`);
}
