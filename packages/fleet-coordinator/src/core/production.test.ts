import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NeighbourAnswer } from './judge-answer.ts';
import { coverage, downtimeByHour, type ProductionPlan } from './production.ts';

const production: ProductionPlan = {
  demandPercentByHour: Array.from({ length: 24 }, (_, hour) => (hour >= 8 && hour < 16 ? 100 : 50)),
  valuePerHour: 1_000,
  fixedCostPerHour: 20,
  campaigns: [],
};
const standby = (
  deviceId: string,
  loadPercent: number,
  more: Partial<NeighbourAnswer> = {},
): NeighbourAnswer => ({
  deviceId,
  relation: 'standby',
  answered: true,
  loadPercent,
  headroomPercent: 100 - loadPercent,
  health: 'healthy',
  ...more,
});

describe('what an hour of standstill costs', () => {
  it('is the fixed cost when the neighbours carry the load', () => {
    const hours = downtimeByHour(production, 60, [standby('a', 30)]);
    expect(hours[10]).toEqual({ demandPercent: 100, shortfallPercent: 0, cost: 20 });
  });

  it('is what is missing at peak, and nothing at quiet hours', () => {
    const hours = downtimeByHour(production, 60, [standby('a', 80)]);
    expect(hours[10]).toEqual({ demandPercent: 100, shortfallPercent: 40, cost: 420 });
    expect(hours[2]).toEqual({ demandPercent: 50, shortfallPercent: 0, cost: 20 });
  });

  it('counts on nobody who does not stand by, is sick, or has no room', () => {
    const others = [
      standby('a', 10, { relation: 'feeds' }),
      standby('b', 10, { headroomPercent: 0, health: 'anomalous' }),
      standby('c', 0, { loadPercent: null, headroomPercent: 0 }),
    ];
    expect(downtimeByHour(production, 60, others)[10]?.shortfallPercent).toBe(60);
  });

  it('is never more with more help, and never negative', () => {
    const percents = fc.integer({ min: 0, max: 100 });
    fc.assert(
      fc.property(percents, fc.array(percents, { maxLength: 5 }), percents, (load, loads, extra) => {
        const some = loads.map((each, i) => standby(`n${i}`, each));
        const before = downtimeByHour(production, load, some);
        const after = downtimeByHour(production, load, [...some, standby('extra', extra)]);
        for (const [hour, { cost }] of before.entries()) {
          expect(after[hour]!.cost).toBeLessThanOrEqual(cost);
          expect(after[hour]!.cost).toBeGreaterThanOrEqual(20);
        }
      }),
    );
  });
});

describe('who takes over', () => {
  it('is reckoned for the worst hour of the work, those with most room first', () => {
    const neighbours = [standby('a', 80), standby('b', 50)];
    expect(coverage(production, 60, neighbours, '2026-03-02T06:00:00Z', '2026-03-02T10:00:00Z')).toEqual({
      demandPercent: 100,
      shortfallPercent: 0,
      coveredBy: [
        { deviceId: 'b', headroomPercent: 50 },
        { deviceId: 'a', headroomPercent: 20 },
      ],
    });
    expect(
      coverage(production, 60, neighbours, '2026-03-02T20:00:00Z', '2026-03-02T22:00:00Z').coveredBy,
    ).toHaveLength(1);
  });
});
