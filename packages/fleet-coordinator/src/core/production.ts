import type { NeighbourAnswer } from './judge-answer.ts';
import { STANDBY } from './neighbours.ts';

/** What the plant wants to produce, hours of the day in UTC. */
export interface ProductionPlan {
  /** Percent of capacity, 24 numbers. */
  readonly demandPercentByHour: readonly number[];
  /** What an hour without any of the device's output costs. */
  readonly valuePerHour: number;
  /** Cost of an hour of standstill whatever the demand. */
  readonly fixedCostPerHour: number;
  /** Times at which the device must run. */
  readonly campaigns: readonly { readonly from: string; readonly to: string; readonly reason: string }[];
}

/** A plant that always wants all of its capacity, and has no campaigns. */
export const DEFAULT_PRODUCTION: ProductionPlan = {
  demandPercentByHour: Array.from({ length: 24 }, () => 100),
  valuePerHour: 1_000,
  fixedCostPerHour: 20,
  campaigns: [],
};

export interface HourOfDowntime {
  readonly demandPercent: number;
  /** Percent of the device's capacity that nobody takes over. */
  readonly shortfallPercent: number;
  readonly cost: number;
}

/**
 * What a standstill costs in each hour of the day. The loads that were seen are taken for those at peak demand; at other hours the machines
 * carry their share of it. Seen at a quieter hour the true peak is higher, and the order says from which reading it was reckoned.
 */
export function downtimeByHour(
  production: ProductionPlan,
  loadPercent: number,
  neighbours: readonly NeighbourAnswer[],
): readonly HourOfDowntime[] {
  const peak = Math.max(1, ...production.demandPercentByHour);
  return production.demandPercentByHour.map((demandPercent) => {
    const share = demandPercent / peak;
    const headroom = helpers(neighbours).reduce(
      (sum, { loadPercent: load }) => sum + 100 - (load ?? 100) * share,
      0,
    );
    const shortfallPercent = Math.min(100, Math.max(0, loadPercent * share - headroom));
    const cost = production.fixedCostPerHour + (shortfallPercent / 100) * production.valuePerHour;
    return {
      demandPercent,
      shortfallPercent: Math.round(shortfallPercent * 10) / 10,
      cost: Math.round(cost * 100) / 100,
    };
  });
}

/** Who takes over during the work, at its worst hour, those with most room first, until the load is carried. */
export function coverage(
  production: ProductionPlan,
  loadPercent: number,
  neighbours: readonly NeighbourAnswer[],
  startAt: string,
  endAt: string,
): {
  readonly demandPercent: number;
  readonly shortfallPercent: number;
  readonly coveredBy: readonly { readonly deviceId: string; readonly headroomPercent: number }[];
} {
  const hours = downtimeByHour(production, loadPercent, neighbours);
  const during = hoursBetween(startAt, endAt).map((hour) => hours[hour]!);
  const worst = during.reduce((a, b) => (b.demandPercent > a.demandPercent ? b : a));
  const share = worst.demandPercent / Math.max(1, ...production.demandPercentByHour);
  const coveredBy: { deviceId: string; headroomPercent: number }[] = [];
  let missing = loadPercent * share;
  for (const { deviceId, loadPercent: load } of helpers(neighbours)) {
    const headroomPercent = Math.round(100 - (load ?? 100) * share);
    if (missing <= 0 || headroomPercent <= 0) continue;
    coveredBy.push({ deviceId, headroomPercent });
    missing -= headroomPercent;
  }
  return { demandPercent: worst.demandPercent, shortfallPercent: worst.shortfallPercent, coveredBy };
}

function helpers(neighbours: readonly NeighbourAnswer[]): readonly NeighbourAnswer[] {
  return neighbours
    .filter(
      ({ relation, headroomPercent, loadPercent }) =>
        relation === STANDBY && headroomPercent > 0 && loadPercent !== null,
    )
    .toSorted((a, b) => b.headroomPercent - a.headroomPercent);
}

/** Hours of the day that the interval touches. */
function hoursBetween(startAt: string, endAt: string): number[] {
  const hourMs = 3_600_000;
  const first = Math.floor(Date.parse(startAt) / hourMs);
  const count = Math.min(24, Math.max(1, Math.ceil(Date.parse(endAt) / hourMs) - first));
  return Array.from({ length: count }, (_, i) => (first + i) % 24);
}
