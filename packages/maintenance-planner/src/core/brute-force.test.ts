import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { PlanningProblem, Technician } from './model.ts';
import { searchSlots } from './plan.ts';

/**
 * The planner against one that thinks of nothing: every start, every subset of technicians, every choice of parts, each checked minute
 * by minute. It shares no code with the planner.
 */
const HOUR = 3_600_000;
const MONDAY = Date.UTC(2026, 2, 2);
const DAY_MINUTES = 1440;

function bruteForce(problem: PlanningProblem): number | undefined {
  const { job, nowMs, gridMinutes, horizonDays } = problem;
  let best: number | undefined;
  for (let minute = 0; minute <= horizonDays * DAY_MINUTES; minute += 1) {
    const start = nowMs + minute * 60_000;
    if (minute === 0 || start % (gridMinutes * 60_000) !== 0) continue;
    const end = start + job.durationMinutes * 60_000;
    if (problem.blocked.some(({ fromMs, toMs }) => fromMs < end && start < toMs)) continue;
    const parts = cheapestParts(problem, start);
    const crew = cheapestSubset(problem, start, end);
    if (parts === undefined || crew === undefined) continue;
    let standstill = 0;
    for (let at = start; at < end; at += 60_000)
      standstill += problem.downtimeCostByHour[new Date(at).getUTCHours()]! / 60;
    const life = ((start - nowMs) / HOUR / job.risk.b10Hours) ** job.risk.shape;
    const total = standstill + (1 - 0.9 ** life) * job.risk.failureCost + crew + parts;
    if (best === undefined || total < best) best = total;
  }
  return best;
}

function cheapestParts({ job, parts, nowMs }: PlanningProblem, start: number): number | undefined {
  let best: number | undefined;
  const choose = (index: number, stock: ReadonlyMap<string, number>, cost: number): void => {
    const wanted = job.parts[index];
    if (wanted === undefined) {
      if (best === undefined || cost < best) best = cost;
      return;
    }
    for (const part of parts.filter(({ fits }) => fits.includes(wanted.component))) {
      const left = stock.get(part.sku) ?? part.free;
      if (left < wanted.quantity && nowMs + part.leadTimeHours * HOUR > start) continue;
      const rest = new Map(stock).set(part.sku, Math.max(0, left - wanted.quantity));
      choose(index + 1, rest, cost + wanted.quantity * part.unitCost);
    }
  };
  choose(0, new Map(), 0);
  return best;
}

function cheapestSubset(problem: PlanningProblem, start: number, end: number): number | undefined {
  const { technicians, job } = problem;
  let best: number | undefined;
  for (let set = 1; set < 2 ** technicians.length; set += 1) {
    const crew = technicians.filter((_, i) => (set >> i) & 1);
    if (!job.skills.every((skill) => crew.some(({ skills }) => skills.includes(skill)))) continue;
    const costs = crew.map((technician) => costOf(problem, technician, start, end));
    if (costs.some((cost) => cost === undefined)) continue;
    const cost = costs.reduce((sum: number, each) => sum + each!, 0);
    if (best === undefined || cost < best) best = cost;
  }
  return best;
}

/** Walks the shift minute by minute. */
function costOf(
  problem: PlanningProblem,
  technician: Technician,
  start: number,
  end: number,
): number | undefined {
  const { occupations, job, travelMinutes } = problem;
  const own = occupations.filter(({ technicianId }) => technicianId === technician.id);
  let best: number | undefined;
  for (const { days, fromMinute, toMinute } of technician.shifts)
    for (const back of [0, 1]) {
      const midnight =
        Math.floor(start / (DAY_MINUTES * 60_000)) * DAY_MINUTES * 60_000 - back * DAY_MINUTES * 60_000;
      const [begins, ends] = [midnight + fromMinute * 60_000, midnight + toMinute * 60_000];
      if (!days.includes(new Date(midnight).getUTCDay()) || begins > start || ends < end) continue;
      let [from, leftAt, to, dueAt] = [technician.homeSite, begins, technician.homeSite, ends];
      let free = true;
      for (let at = begins; at < ends; at += 60_000) {
        const busy = own.find(({ fromMs, toMs }) => fromMs <= at && at < toMs);
        if (busy === undefined) continue;
        if (at >= start && at < end) free = false;
        else if (at < start) [from, leftAt] = [busy.site, at + 60_000];
        else if (dueAt === ends && to === technician.homeSite) [to, dueAt] = [busy.site, at];
      }
      const [before, after] = [travelMinutes(from, job.site), travelMinutes(job.site, to)];
      if (!free || leftAt + before * 60_000 > start || end + after * 60_000 > dueAt) continue;
      const cost = ((job.durationMinutes + before + after) / 60) * technician.costPerHour;
      if (best === undefined || cost < best) best = cost;
    }
  return best;
}

const SKILLS = ['bearings', 'alignment', 'lifting'];
const SITES = ['north', 'south', 'depot'];
const hours = fc.integer({ min: 0, max: 40 });

const technician = (id: string) =>
  fc.record({
    id: fc.constant(id),
    name: fc.constant(id),
    skills: fc.subarray(SKILLS, { minLength: 1 }),
    homeSite: fc.constantFrom(...SITES),
    costPerHour: fc.integer({ min: 0, max: 90 }),
    shifts: fc.array(
      fc.record({
        days: fc.subarray([0, 1, 2, 3, 4, 5, 6], { minLength: 2 }),
        fromMinute: fc.integer({ min: 0, max: 22 }).map((hour) => hour * 60),
        length: fc.integer({ min: 3, max: 12 }),
      }),
      // One shift: of two that overlap either may be the one that is worked.
      { minLength: 1, maxLength: 1 },
    ),
  });

const problem: fc.Arbitrary<PlanningProblem> = fc
  .record({
    crew: fc.tuple(technician('a'), technician('b'), technician('c')),
    occupied: fc.array(
      fc.record({ who: fc.constantFrom('a', 'b', 'c'), from: hours, site: fc.constantFrom(...SITES) }),
      {
        maxLength: 4,
      },
    ),
    skills: fc.subarray(SKILLS, { minLength: 1, maxLength: 2 }),
    components: fc.subarray(['bearing', 'seal']),
    parts: fc.array(
      fc.record({
        fits: fc.subarray(['bearing', 'seal'], { minLength: 1 }),
        free: fc.integer({ min: 0, max: 2 }),
        leadTimeHours: fc.integer({ min: 0, max: 40 }),
        unitCost: fc.integer({ min: 0, max: 300 }),
      }),
      { maxLength: 4 },
    ),
    durationMinutes: fc.constantFrom(60, 90, 240),
    b10Hours: fc.integer({ min: 10, max: 200 }),
    failureCost: fc.integer({ min: 0, max: 20_000 }),
    costs: fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 24, maxLength: 24 }),
    blocked: fc.array(fc.record({ from: hours, length: fc.integer({ min: 1, max: 8 }) }), { maxLength: 2 }),
    travel: fc.constantFrom(0, 30, 60),
    nowMinute: fc.integer({ min: 0, max: 1439 }),
  })
  .map(({ crew, occupied, components, parts, blocked, costs, travel, nowMinute, ...rest }) => ({
    job: {
      deviceId: 'pump-01',
      site: 'north',
      skills: rest.skills,
      durationMinutes: rest.durationMinutes,
      parts: components.map((component) => ({ component, quantity: 1 })),
      risk: { b10Hours: rest.b10Hours, shape: 1.5, failureCost: rest.failureCost },
      dueInHours: rest.b10Hours,
    },
    nowMs: MONDAY + nowMinute * 60_000,
    parts: parts.map((part, i) => ({ ...part, sku: `P${i}`, name: `P${i}` })),
    technicians: crew.map(({ shifts, ...who }) => ({
      ...who,
      shifts: shifts.map(({ days, fromMinute, length }) => ({
        days,
        fromMinute,
        toMinute: fromMinute + length * 60,
      })),
    })),
    // One piece of work each hour at most: nobody is at two places.
    occupations: occupied
      .filter(
        ({ who, from }, i) =>
          occupied.findIndex((other) => other.who === who && Math.abs(other.from - from) < 2) === i,
      )
      .map(({ who, from, site }) => ({
        technicianId: who,
        fromMs: MONDAY + from * HOUR,
        toMs: MONDAY + (from + 1) * HOUR,
        site,
      })),
    travelMinutes: (from: string, to: string) => (from === to ? 0 : travel),
    downtimeCostByHour: costs,
    blocked: blocked.map(({ from, length }) => ({
      fromMs: MONDAY + from * HOUR,
      toMs: MONDAY + (from + length) * HOUR,
      reason: 'a neighbour is down',
    })),
    gridMinutes: 60,
    horizonDays: 3,
  }));

it('costs exactly what the best of all plans costs', () => {
  let found = 0;
  fc.assert(
    fc.property(problem, (given) => {
      const { best } = searchSlots(given);
      const cheapest = bruteForce(given);
      if (cheapest === undefined) return best === undefined;
      found += 1;
      return best !== undefined && Math.abs(best.cost.total - cheapest) < 1e-6 * Math.max(1, cheapest);
    }),
    { numRuns: 150, seed: 7 },
  );
  // Problems without any answer prove little.
  expect(found).toBeGreaterThan(50);
}, 120_000);
