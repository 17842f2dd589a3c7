import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createDesk,
  isPlannerError,
  openSqliteStore,
  type MaintenanceDesk,
  type MaintenanceStore,
} from '../src/index.ts';
import { HURRY, NOW, SEED } from './plant.ts';

let store: MaintenanceStore;
let desk: MaintenanceDesk;

beforeEach(() => {
  store = openSqliteStore({ file: ':memory:', seed: SEED, seedAt: new Date(NOW), retentionDays: 36_500 });
  desk = createDesk({ store, policy: { ...HURRY, site: 'north' }, now: () => NOW });
});
afterEach(() => store.close());

const innerRace = { deviceId: 'pump-01', verdict: 'inner-race' };
const key = (sessionId: string) => ({ sessionId, stepId: 'order' });
const codeOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => (isPlannerError(error) ? error.code : error),
  );

describe('a proposal', () => {
  it('takes the first hour that has part, skill, shift and travel when waiting is what costs', async () => {
    const plan = await desk.propose(innerRace);
    expect(plan).toMatchObject({
      startAt: '2026-03-02T11:00:00.000Z',
      endAt: '2026-03-02T15:00:00.000Z',
      late: false,
      technicians: [{ id: 'ada' }],
      parts: [{ sku: 'BRG-1', inStock: true }],
    });
  });

  it('waits for cheap hours when standstill is what costs', async () => {
    const downtimeCostByHour = Array.from({ length: 24 }, (_, hour) => (hour >= 17 ? 10 : 5_000));
    const plan = await desk.propose({ ...innerRace, downtimeCostByHour });
    expect(plan.startAt).toBe('2026-03-02T17:00:00.000Z');
    expect(plan.technicians).toMatchObject([{ id: 'bo', travelBeforeMinutes: 45, travelAfterMinutes: 45 }]);
    expect(plan.rejected.join('\n')).toContain('the earliest slot, 2026-03-02 11:00');
  });

  it('lets nobody come before the journey is over', async () => {
    const plan = await desk.propose({
      ...innerRace,
      notBefore: '2026-03-02T13:00:00Z',
      verdict: 'imbalance',
    });
    // Bo's shift begins at 14:00, 45 minutes away.
    expect(plan).toMatchObject({ startAt: '2026-03-02T15:00:00.000Z', technicians: [{ id: 'bo' }] });
  });

  it('does not plan for a technician who is off', async () => {
    const saturday = { ...innerRace, verdict: 'imbalance', at: '2026-03-07T10:20:00Z' };
    expect((await desk.propose(saturday)).startAt).toBe('2026-03-09T15:00:00.000Z');
  });

  it('keeps out of blocked times and says what they cost', async () => {
    const blocked = [{ from: '2026-03-02T11:00:00Z', to: '2026-03-02T14:00:00Z', reason: 'a batch runs' }];
    const plan = await desk.propose({ ...innerRace, blocked });
    expect(plan.startAt).toBe('2026-03-02T15:00:00.000Z');
    expect(plan.rejected.join('\n')).toMatch(/2026-03-02 11:00: would cost \d+ less, but a batch runs/);
  });

  it('treats a verdict that is not listed as unknown', async () => {
    expect(await codeOf(desk.propose({ ...innerRace, verdict: 'gremlins' }))).toBe('no-slot');
    await expect(desk.propose({ ...innerRace, verdict: 'gremlins' })).rejects.toThrow('"vibration-analysis"');
  });

  it('marks what begins after it was due', async () => {
    const plan = await desk.propose({ ...innerRace, notBefore: '2026-03-06T00:00:00Z' });
    expect(plan.late).toBe(true);
    expect(plan.reasons.join('\n')).toContain('misses the 72 h');
  });

  it('books nothing', async () => {
    await desk.propose(innerRace);
    expect(await desk.list()).toEqual([]);
  });
});

describe('a booking', () => {
  it('is the same for the same session and step, whatever else changed', async () => {
    const first = await desk.book(key('s1'), innerRace);
    const again = await desk.book(key('s1'), { ...innerRace, notBefore: '2026-03-09T00:00:00Z' });
    expect(again).toEqual(first);
    expect(await desk.list()).toHaveLength(1);
  });

  it('takes people and parts from those that come after', async () => {
    await desk.book(key('s1'), innerRace);
    const second = await desk.book(key('s2'), { ...innerRace, deviceId: 'pump-02' });
    expect(second.plan).toMatchObject({ startAt: '2026-03-02T15:00:00.000Z', technicians: [{ id: 'bo' }] });
    const third = await desk.book(key('s3'), { ...innerRace, deviceId: 'pump-03' });
    // Two bearings were on the shelf; the third is ordered, the quicker and cheaper one.
    expect(third.plan.parts).toMatchObject([{ sku: 'BRG-2', inStock: false }]);
    expect(Date.parse(third.plan.startAt)).toBeGreaterThanOrEqual(NOW + 12 * 3_600_000);
  });

  it('never puts devices down together that must not be', async () => {
    const first = await desk.book(key('s1'), innerRace);
    const second = await desk.book(key('s2'), {
      ...innerRace,
      deviceId: 'pump-02',
      notTogetherWith: ['pump-01'],
    });
    expect(Date.parse(second.plan.startAt)).toBeGreaterThanOrEqual(Date.parse(first.plan.endAt) + 3_600_000);
  });

  it('gives everything back when it is released, once', async () => {
    const first = await desk.book(key('s1'), innerRace);
    expect(await desk.release(key('s1'), 'canceled')).toMatchObject({
      state: 'released',
      releaseReason: 'canceled',
    });
    expect(await desk.release(key('s1'), 'again')).toMatchObject({ releaseReason: 'canceled' });
    const { plan } = await desk.book(key('s2'), innerRace);
    expect([plan.startAt, plan.parts]).toEqual([first.plan.startAt, first.plan.parts]);
  });

  it('cannot be had again by a straggler after it was released', async () => {
    await desk.book(key('s1'), innerRace);
    await desk.release(key('s1'), 'canceled');
    expect(await codeOf(desk.book(key('s1'), innerRace))).toBe('booking-released');
  });

  it('is not handed to another device', async () => {
    await desk.book(key('s1'), innerRace);
    expect(await codeOf(desk.book(key('s1'), { ...innerRace, deviceId: 'pump-02' }))).toBe('key-taken');
  });

  it('that was never made is released without complaint', async () => {
    expect(await desk.release(key('nobody'), 'to be sure')).toBeUndefined();
  });
});

describe('the policy', () => {
  it.each([
    [{ gridMinutes: 0 }, 'policy.gridMinutes'],
    [{ downtimeCostByHour: [1] }, 'policy.downtimeCostByHour'],
    [{ lifeShape: -1 }, 'policy.lifeShape'],
  ])('%j is refused by the name of the field', (policy, field) => {
    expect(() => createDesk({ store, policy })).toThrow(field);
  });
});
