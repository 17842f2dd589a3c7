import { PlannerError } from '../errors.ts';
import { journeyFor } from './availability.ts';
import { cheapestCrew, type Crew } from './crew.ts';
import { LIMITS, type Occupation, type PlanningProblem, type Window } from './model.ts';
import { downtimeCost, failureChance, riskCost } from './risk.ts';
import { suppliesOf, type Supply } from './supplies.ts';

export interface Slot {
  readonly startMs: number;
  readonly endMs: number;
  readonly crew: Crew;
  readonly supply: Supply;
  readonly cost: SlotCost;
  /** 0 to 1: the machine has failed before the work begins. */
  readonly failureChance: number;
}

export interface SlotCost {
  readonly downtime: number;
  /** Chance of failure before the work times its cost. */
  readonly risk: number;
  readonly labour: number;
  readonly parts: number;
  readonly total: number;
}

export interface Search {
  /** Of least expected cost; of equals the earliest. Undefined: there is none within the horizon. */
  readonly best: Slot | undefined;
  /** The first that could be had at all. */
  readonly earliest: Slot | undefined;
  /** Cheaper than the best, were it not for these windows. */
  readonly prevented: { readonly slot: Slot; readonly window: Window } | undefined;
  /** Starts that were looked at, and what was missing. */
  readonly looked: {
    readonly starts: number;
    readonly blocked: number;
    readonly noParts: number;
    readonly noCrew: number;
  };
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/**
 * Looks at every start on the grid and takes the one of least expected cost: standstill, risk of waiting, labour, parts. Exact: it ends
 * early only where no later start can be cheaper, as the risk only grows and the rest has a lower bound.
 * Throws PlannerError `problem-too-large`.
 */
export function searchSlots(problem: PlanningProblem): Search {
  assertSize(problem);
  const { job, nowMs } = problem;
  const durationMs = job.durationMinutes * MINUTE_MS;
  const gridMs = problem.gridMinutes * MINUTE_MS;
  const supplies = suppliesOf(job, problem.parts, nowMs);
  const occupied = byTechnician(problem.occupations);
  const floor = cheapestCost(problem, supplies);
  const endMs = nowMs + problem.horizonDays * DAY_MS;
  const looked = { starts: 0, blocked: 0, noParts: 0, noCrew: 0 };
  let best: Slot | undefined;
  let earliest: Slot | undefined;
  let prevented: Search['prevented'];
  const first = Math.ceil(Math.max(problem.notBeforeMs ?? nowMs, nowMs + 1) / gridMs) * gridMs;
  for (let startMs = first; startMs <= endMs; startMs += gridMs) {
    if (best !== undefined && riskCost(job.risk, startMs - nowMs) + floor >= best.cost.total) break;
    looked.starts += 1;
    const supply = supplies.findLast(({ availableAtMs }) => availableAtMs <= startMs);
    if (supply === undefined) {
      looked.noParts += 1;
      continue;
    }
    const crew = crewAt(problem, occupied, startMs, startMs + durationMs);
    if (crew === undefined) {
      looked.noCrew += 1;
      continue;
    }
    const slot = slotOf(problem, startMs, startMs + durationMs, crew, supply);
    const window = problem.blocked.find(({ fromMs, toMs }) => fromMs < slot.endMs && toMs > startMs);
    if (window !== undefined) {
      looked.blocked += 1;
      if (slot.cost.total < (prevented?.slot.cost.total ?? Infinity)) prevented = { slot, window };
      continue;
    }
    earliest ??= slot;
    if (slot.cost.total < (best?.cost.total ?? Infinity)) best = slot;
  }
  const mattered = prevented !== undefined && prevented.slot.cost.total < (best?.cost.total ?? Infinity);
  return { best, earliest, prevented: mattered ? prevented : undefined, looked };
}

function slotOf(problem: PlanningProblem, startMs: number, endMs: number, crew: Crew, supply: Supply): Slot {
  const { job, nowMs, downtimeCostByHour } = problem;
  const downtime = downtimeCost(downtimeCostByHour, startMs, endMs);
  const risk = riskCost(job.risk, startMs - nowMs);
  const total = downtime + risk + crew.cost + supply.cost;
  return {
    startMs,
    endMs,
    crew,
    supply,
    cost: { downtime, risk, labour: crew.cost, parts: supply.cost, total },
    failureChance: failureChance(job.risk, startMs - nowMs),
  };
}

function crewAt(
  { job, technicians, travelMinutes }: PlanningProblem,
  occupied: ReadonlyMap<string, readonly Occupation[]>,
  startMs: number,
  endMs: number,
): Crew | undefined {
  const available = technicians.flatMap((technician) => {
    if (!technician.skills.some((skill) => job.skills.includes(skill))) return [];
    const own = occupied.get(technician.id) ?? [];
    const journey = journeyFor(technician, own, job.site, startMs, endMs, travelMinutes);
    return journey === undefined ? [] : [{ technician, journey }];
  });
  return cheapestCrew(job.skills, available, job.durationMinutes);
}

/** No slot costs less than this and its risk: the cheapest hours, the cheapest parts, and labour for nothing. */
function cheapestCost(problem: PlanningProblem, supplies: readonly Supply[]): number {
  const hours = problem.job.durationMinutes / 60;
  return hours * Math.min(...problem.downtimeCostByHour) + Math.min(...supplies.map(({ cost }) => cost));
}

function assertSize(problem: PlanningProblem): void {
  const { job, technicians, parts, horizonDays, gridMinutes } = problem;
  const starts = (horizonDays * 24 * 60) / gridMinutes;
  const fitting = job.parts.map(
    ({ component }) => parts.filter(({ fits }) => fits.includes(component)).length,
  );
  const sizes: readonly (readonly [string, number, number])[] = [
    ['technicians', technicians.length, LIMITS.technicians],
    ['skills of the job', job.skills.length, LIMITS.skills],
    ['components of the job', job.parts.length, LIMITS.components],
    ['parts that fit one component', Math.max(0, ...fitting), LIMITS.alternatives],
    ['possible starts within the horizon', starts, LIMITS.starts],
  ];
  for (const [what, size, limit] of sizes)
    if (size > limit)
      throw new PlannerError('problem-too-large', `${size} ${what}: at most ${limit} are searched`);
}

function byTechnician(occupations: readonly Occupation[]): ReadonlyMap<string, readonly Occupation[]> {
  const groups = new Map<string, Occupation[]>();
  for (const work of occupations)
    groups.set(work.technicianId, [...(groups.get(work.technicianId) ?? []), work]);
  return groups;
}
