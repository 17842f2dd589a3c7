import { describe, expect, it } from 'vitest';
import { coordinateDowntime, type NeighbourAnswer } from './coordinate.ts';
import { failureMode } from './failure-modes.ts';
import { InventoryError, parseInventory, readInventory, type Inventory } from './inventory.ts';
import { planMaintenance } from './plan-maintenance.ts';

const now = new Date('2026-03-02T10:20:00Z');
const seed = readInventory(new URL('../../data/inventory.json', import.meta.url));

function withTechnician(booked: { fromHour: number; toHour: number }[]): Inventory {
  const technician = {
    id: 't1',
    name: 'T',
    skills: ['bearings'],
    shift: { fromHour: 8, toHour: 16 },
    booked,
  };
  return { ...seed, technicians: [technician] };
}

describe('the maintenance planner', () => {
  it('takes the first hour that has part, skill, shift and no booking', () => {
    const plan = planMaintenance(failureMode('inner-race'), withTechnician([]), now);
    expect(plan).toMatchObject({
      startAt: '2026-03-02T11:00:00.000Z',
      endAt: '2026-03-02T15:00:00.000Z',
      late: false,
    });
    expect(plan?.part).toMatchObject({ sku: 'BRG-6205-2RS', inStock: true });
  });

  it('goes to the next shift when the work does not fit into the rest of this one', () => {
    const plan = planMaintenance(
      failureMode('inner-race'),
      withTechnician([{ fromHour: 0, toHour: 4 }]),
      now,
    );
    expect(plan?.startAt).toBe('2026-03-03T08:00:00.000Z');
  });

  it('waits for a part that is on order and says so', () => {
    const parts = seed.parts.map((part) => ({ ...part, stock: 0 }));
    const plan = planMaintenance(failureMode('inner-race'), { ...withTechnician([]), parts }, now);
    expect(plan?.part).toMatchObject({ sku: 'BRG-6205-2RS', inStock: false, availableInHours: 36 });
    expect(new Date(plan?.startAt ?? 0).getTime()).toBeGreaterThanOrEqual(now.getTime() + 35 * 3_600_000);
  });

  it('marks a slot behind the due time as late', () => {
    const plan = planMaintenance(
      failureMode('inner-race'),
      withTechnician([{ fromHour: 0, toHour: 100 }]),
      now,
    );
    expect(plan?.late).toBe(true);
  });

  it('has no plan when nobody has the skill', () => {
    expect(planMaintenance(failureMode('imbalance'), withTechnician([]), now)).toBeUndefined();
  });

  it('treats an unlisted verdict as unknown', () => {
    expect(failureMode('gremlins').verdict).toBe('unknown');
  });
});

describe('the coordination of downtime', () => {
  const neighbour = (deviceId: string, loadPercent: number | null, health = 'healthy'): NeighbourAnswer => ({
    deviceId,
    answered: loadPercent !== null,
    loadPercent,
    health,
    relation: 'standby',
  });
  const coordinate = (neighbours: NeighbourAnswer[]) =>
    coordinateDowntime(failureMode('inner-race'), withTechnician([]), 60, neighbours, now);

  it('keeps the earliest slot when the neighbours can carry the load', () => {
    const result = coordinate([neighbour('pump-02', 50), neighbour('pump-03', 60)]);
    expect(result).toMatchObject({ shortfallPercent: 0, plan: { startAt: '2026-03-02T11:00:00.000Z' } });
    expect(result?.coveredBy.map(({ deviceId }) => deviceId)).toEqual(['pump-02', 'pump-03']);
  });

  it('moves to a slot with less shortfall when they cannot', () => {
    const longShift = { ...withTechnician([]).technicians[0]!, shift: { fromHour: 8, toHour: 20 } };
    const inventory = { ...seed, technicians: [longShift] };
    const result = coordinateDowntime(
      failureMode('inner-race'),
      inventory,
      60,
      [neighbour('pump-02', 90)],
      now,
    );
    expect(result?.plan.startAt).toBe('2026-03-02T16:00:00.000Z');
    expect(result?.shortfallPercent).toBeGreaterThan(0);
  });

  it('gives load to standby machines only', () => {
    const fed: NeighbourAnswer = { ...neighbour('hvac-01', 10), relation: 'feeds' };
    expect(coordinate([fed])).toMatchObject({ coveredBy: [], assumptions: [] });
  });

  it('counts silent and sick neighbours as no help and says so', () => {
    const result = coordinate([neighbour('pump-02', null), neighbour('pump-03', 20, 'anomalous')]);
    expect(result?.coveredBy).toEqual([]);
    expect(result?.assumptions).toEqual([
      'pump-02 did not answer: counted as having no headroom',
      'pump-03 is anomalous: not asked to take over load',
    ]);
  });
});

describe('the inventory file', () => {
  it.each([
    [{}, 'parts must be a list'],
    [{ ...seed, demandPercentByHour: [1] }, 'demandPercentByHour needs 24 numbers'],
    [
      { ...seed, parts: [{ sku: 'a', name: 'b', fits: [], stock: -1, leadTimeHours: 0 }] },
      'parts[0].stock must be a number',
    ],
  ])('names the field that is wrong', (value, message) => {
    expect(() => parseInventory(value)).toThrow(InventoryError);
    expect(() => parseInventory(value)).toThrow(message);
  });
});
