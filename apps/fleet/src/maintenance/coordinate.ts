import type { FailureMode } from './failure-modes.ts';
import type { Inventory } from './inventory.ts';
import { planMaintenance, type MaintenancePlan } from './plan-maintenance.ts';

/** What a neighbour's agent said of its device, or that it said nothing. */
export interface NeighbourAnswer {
  readonly deviceId: string;
  readonly answered: boolean;
  /** Percent of capacity in use when asked; null when it did not answer. */
  readonly loadPercent: number | null;
  readonly health: string;
  /** `standby` can take over the device's load; others are asked for their health only. */
  readonly relation: string;
}

export interface Coordination {
  readonly plan: MaintenancePlan;
  /** Percent of the device's capacity that nobody takes over during the work; 0 is covered. */
  readonly shortfallPercent: number;
  readonly coveredBy: readonly { readonly deviceId: string; readonly headroomPercent: number }[];
  readonly demandPercent: number;
  readonly assumptions: readonly string[];
}

const HOUR_MS = 3_600_000;

/**
 * Chooses when the device may stop: the earliest slot in which its neighbours can carry its load; within the time that the
 * finding allows, otherwise the slot with the smallest shortfall.
 */
export function coordinateDowntime(
  mode: FailureMode,
  inventory: Inventory,
  loadPercent: number,
  neighbours: readonly NeighbourAnswer[],
  now: Date,
): Coordination | undefined {
  let best: Coordination | undefined;
  let notBefore = 0;
  for (;;) {
    const plan = planMaintenance(mode, inventory, now, notBefore);
    if (plan === undefined || (plan.late && best !== undefined)) return best;
    const candidate = weigh(plan, inventory, loadPercent, neighbours);
    if (best === undefined || candidate.shortfallPercent < best.shortfallPercent) best = candidate;
    if (best.shortfallPercent === 0) return best;
    notBefore = hoursBetween(now, plan.startAt) + 1;
  }
}

function weigh(
  plan: MaintenancePlan,
  inventory: Inventory,
  loadPercent: number,
  neighbours: readonly NeighbourAnswer[],
): Coordination {
  const demandPercent = peakDemand(inventory, plan);
  // The load that was seen is taken for the load at peak demand: at other hours the machines carry their share of it.
  const share = demandPercent / Math.max(1, ...inventory.demandPercentByHour);
  const needed = loadPercent * share;
  const coveredBy: { deviceId: string; headroomPercent: number }[] = [];
  let missing = needed;
  for (const { deviceId, loadPercent: load, health, relation } of neighbours) {
    if (relation !== 'standby' || load === null || health !== 'healthy') continue;
    const headroomPercent = Math.round(Math.max(0, 100 - load * share));
    if (headroomPercent === 0 || missing <= 0) continue;
    coveredBy.push({ deviceId, headroomPercent });
    missing -= headroomPercent;
  }
  return {
    plan,
    shortfallPercent: Math.max(0, Math.round(missing)),
    coveredBy,
    demandPercent,
    assumptions: neighbours.flatMap(assumption),
  };
}

function assumption(neighbour: NeighbourAnswer): string[] {
  if (neighbour.relation !== 'standby') return [];
  if (!neighbour.answered) return [`${neighbour.deviceId} did not answer: counted as having no headroom`];
  if (neighbour.loadPercent === null)
    return [`${neighbour.deviceId} does not know its load: counted as having no headroom`];
  if (neighbour.health !== 'healthy')
    return [`${neighbour.deviceId} is ${neighbour.health}: not asked to take over load`];
  return [];
}

function peakDemand(inventory: Inventory, plan: MaintenancePlan): number {
  const start = new Date(plan.startAt).getTime();
  const hours = Math.max(1, Math.ceil((new Date(plan.endAt).getTime() - start) / HOUR_MS));
  const demands = Array.from({ length: hours }, (_, i) => demandAt(inventory, new Date(start + i * HOUR_MS)));
  return Math.max(...demands);
}

function demandAt(inventory: Inventory, at: Date): number {
  return inventory.demandPercentByHour[at.getUTCHours()] ?? 100;
}

function hoursBetween(from: Date, toIso: string): number {
  return (new Date(toIso).getTime() - Math.floor(from.getTime() / HOUR_MS) * HOUR_MS) / HOUR_MS;
}
