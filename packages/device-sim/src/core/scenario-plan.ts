/** A site with pumps and air handling units, decided from a number and a seed. Pure. */
import { FAULT_KINDS, inRange, type FaultKind } from './faults.ts';
import { DeviceSimError } from './errors.ts';
import { hash32, uniform } from './random.ts';
import type { MachineType } from './source.ts';

export interface ScenarioFault {
  /** Default: a machine that can have the fault, chosen by the seed. */
  readonly deviceId?: string;
  readonly kind: FaultKind;
  /** First sample with the fault, for models. Default 600. In a recording it is where the recording has it. */
  readonly startsAtSample?: number;
  readonly severity?: number;
  readonly rampSamples?: number;
  /** For the faults of sensors. */
  readonly channel?: string;
}

export interface ScenarioOptions {
  /** Pumps and HVAC units in turn. Default 8, at most 1000. */
  readonly devices?: number;
  /** Default 1. The same seed gives the same site. */
  readonly seed?: number;
  /** Default `plant-1`. */
  readonly site?: string;
  /** Default: one bearing, inner race, in one pump. */
  readonly faults?: readonly ScenarioFault[];
}

export interface DeviceRelation {
  readonly deviceId: string;
  /** `feeds`: this pump supplies that unit; `fed-by` the other way; `standby`: can take over its load. */
  readonly relation: 'feeds' | 'fed-by' | 'standby';
}

export interface PlannedDevice {
  readonly deviceId: string;
  readonly type: MachineType;
  readonly name: string;
  readonly site: string;
  /** Loop of the building that it belongs to. */
  readonly area: string;
  readonly relations: readonly DeviceRelation[];
  readonly seed: number;
  readonly fault?: Required<Pick<ScenarioFault, 'kind' | 'startsAtSample'>> & ScenarioFault;
}

const DEFAULT_FAULT: ScenarioFault = { kind: 'bearing-inner-race' };

/** The same options give the same site, in every process. Throws DeviceSimError `out-of-range`, `fault-not-applicable`. */
export function planScenario(options: ScenarioOptions = {}): readonly PlannedDevice[] {
  const { devices = 8, seed = 1, site = 'plant-1' } = options;
  if (!Number.isInteger(devices))
    throw new DeviceSimError('out-of-range', `devices is ${devices}; it must be whole`);
  inRange('devices', devices, 1, 1000);
  const ids = Array.from({ length: devices }, (_, index) => idAt(index));
  const faults = assignFaults(options.faults ?? [DEFAULT_FAULT], ids, seed);
  return ids.map((deviceId, index) => {
    const pair = Math.floor(index / 2) + 1;
    const fault = faults.get(deviceId);
    return {
      deviceId,
      type: typeOf(deviceId),
      name: typeOf(deviceId) === 'pump' ? `Chilled-water pump ${pair}` : `Air handling unit ${pair}`,
      site,
      area: `loop-${number(pair)}`,
      relations: relationsOf(index, ids),
      seed: hash32(seed, 1, index),
      ...(fault === undefined ? {} : { fault }),
    };
  });
}

/** Small differences between machines of a kind: a factor within ±`spread`. */
export function variation(device: PlannedDevice, stream: number, spread: number): number {
  return 1 + spread * (2 * uniform(device.seed, stream, 0) - 1);
}

const number = (value: number): string => String(value).padStart(2, '0');
const idAt = (index: number): string =>
  `${index % 2 === 0 ? 'pump' : 'hvac'}-${number(Math.floor(index / 2) + 1)}`;
const typeOf = (deviceId: string): MachineType => (deviceId.startsWith('pump') ? 'pump' : 'hvac');

/** Pump n feeds unit n; pumps stand by for each other in pairs, so do units. */
function relationsOf(index: number, ids: readonly string[]): DeviceRelation[] {
  const isPump = index % 2 === 0;
  const partner = ids[isPump ? index + 1 : index - 1];
  const pair = Math.floor(index / 2);
  const twin = ids[2 * (pair % 2 === 0 ? pair + 1 : pair - 1) + (isPump ? 0 : 1)];
  const relations: DeviceRelation[] = [];
  if (partner !== undefined) relations.push({ deviceId: partner, relation: isPump ? 'feeds' : 'fed-by' });
  if (twin !== undefined) relations.push({ deviceId: twin, relation: 'standby' });
  return relations;
}

function assignFaults(
  faults: readonly ScenarioFault[],
  ids: readonly string[],
  seed: number,
): Map<string, NonNullable<PlannedDevice['fault']>> {
  const assigned = new Map<string, NonNullable<PlannedDevice['fault']>>();
  for (const [index, fault] of faults.entries()) {
    const machines: readonly MachineType[] = FAULT_KINDS[fault.kind] ?? [];
    const possible = ids.filter((id) => machines.includes(typeOf(id)) && !assigned.has(id));
    const pumps = possible.filter((id) => typeOf(id) === 'pump');
    const candidates = pumps.length > 0 ? pumps : possible;
    const deviceId = fault.deviceId ?? candidates[hash32(seed, 2, index) % Math.max(1, candidates.length)];
    if (deviceId === undefined || !possible.includes(deviceId)) {
      const which = deviceId ?? 'any device';
      throw new DeviceSimError(
        'fault-not-applicable',
        `${which} cannot have the fault ${fault.kind} (devices: ${ids.join(', ')})`,
      );
    }
    assigned.set(deviceId, { ...fault, startsAtSample: fault.startsAtSample ?? 600 });
  }
  return assigned;
}
