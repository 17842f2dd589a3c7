import type { FailureRisk } from './model.ts';

const HOUR_MS = 3_600_000;

/** 0 to 1: the machine has failed by then. */
export function failureChance({ b10Hours, shape }: FailureRisk, afterMs: number): number {
  const hours = Math.max(0, afterMs) / HOUR_MS;
  return 1 - 0.9 ** ((hours / b10Hours) ** shape);
}

export function riskCost(risk: FailureRisk, afterMs: number): number {
  return failureChance(risk, afterMs) * risk.failureCost;
}

/** What a standstill costs, hours of the day in UTC. */
export function downtimeCost(costByHour: readonly number[], fromMs: number, toMs: number): number {
  let cost = 0;
  for (let at = fromMs; at < toMs;) {
    const hourEnds = (Math.floor(at / HOUR_MS) + 1) * HOUR_MS;
    const until = Math.min(hourEnds, toMs);
    const hour = Math.floor(at / HOUR_MS) % 24;
    cost += ((until - at) / HOUR_MS) * (costByHour[hour] ?? 0);
    at = until;
  }
  return cost;
}
