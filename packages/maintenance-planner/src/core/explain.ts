import { journeyFor } from './availability.ts';
import { memberCost } from './crew.ts';
import type { FailureMode } from './failure-modes.ts';
import type { PlanningProblem } from './model.ts';
import type { Search, Slot } from './plan.ts';
import type { MaintenancePlan } from './schemas.ts';

const HOUR_MS = 3_600_000;

/** The slot as a plan, with why it was taken and what was not. */
export function describePlan(
  { job, nowMs, technicians, ...problem }: PlanningProblem,
  mode: FailureMode,
  verdict: string,
  search: Search,
  best: Slot,
): MaintenancePlan {
  const late = best.startMs - nowMs > job.dueInHours * HOUR_MS;
  return {
    deviceId: job.deviceId,
    site: job.site,
    verdict,
    component: mode.component,
    action: mode.action,
    startAt: iso(best.startMs),
    endAt: iso(best.endMs),
    late,
    technicians: best.crew.members.map(({ technician: { id, name }, journey }) => ({
      id,
      name,
      travelBeforeMinutes: journey.beforeMinutes,
      travelAfterMinutes: journey.afterMinutes,
    })),
    parts: best.supply.lines.map(({ component, sku, name, quantity, fromStock }) => ({
      component,
      sku,
      name,
      quantity,
      inStock: fromStock === quantity,
      availableAt: iso(fromStock === quantity ? nowMs : best.supply.availableAtMs),
    })),
    cost: roundAll(best.cost),
    failureChance: Number(best.failureChance.toFixed(4)),
    reasons: reasonsFor({ ...problem, job, nowMs, technicians }, mode, search, best, late),
    rejected: rejectedOf({ ...problem, job, nowMs, technicians }, search, best),
  };
}

/** Why there is no slot. */
export function describeNoSlot(
  { job, technicians, horizonDays }: PlanningProblem,
  { looked }: Search,
): string {
  const missing = job.skills.filter((skill) => !technicians.some(({ skills }) => skills.includes(skill)));
  if (missing.length > 0) return `nobody has the skill ${missing.map((skill) => `"${skill}"`).join(', ')}`;
  const { starts, blocked, noParts, noCrew } = looked;
  return (
    `no slot within ${horizonDays} days: of ${starts} possible starts ${noParts} come before the parts, ` +
    `for ${noCrew} nobody with the skills is free on shift, ${blocked} fall into times at which ${job.deviceId} must not be down`
  );
}

function reasonsFor(
  { job }: PlanningProblem,
  mode: FailureMode,
  { looked, earliest }: Search,
  best: Slot,
  late: boolean,
): string[] {
  const crew = best.crew.members.map(({ technician, journey }) => {
    const travel = journey.beforeMinutes + journey.afterMinutes;
    return `${technician.name}${travel === 0 ? '' : ` (${travel} min of travel)`}`;
  });
  const { downtime, risk, labour, parts } = best.cost;
  return [
    `${crew.join(' and ')} ${crew.length === 1 ? 'has' : 'have'} the skill ${job.skills.map((skill) => `"${skill}"`).join(', ')} and the time`,
    ...(best.supply.lines.length === 0
      ? [`no part needed for ${mode.component}`]
      : best.supply.lines.map(describeSupply(best))),
    `least expected cost of ${looked.starts} starts: standstill ${money(downtime)}, risk of waiting ${money(risk)} ` +
      `(${percent(best.failureChance)} chance of failure before), labour ${money(labour)}, parts ${money(parts)}`,
    ...(earliest?.startMs === best.startMs ? ['it is also the earliest slot that can be had'] : []),
    ...(late ? [`the slot misses the ${job.dueInHours} h that the finding asks for`] : []),
  ];
}

function describeSupply({ supply }: Slot): (line: Slot['supply']['lines'][number]) => string {
  return ({ name, sku, quantity, fromStock }) =>
    fromStock === quantity
      ? `${name} (${sku}) is in stock`
      : `${name} (${sku}) is on order and there by ${minuteText(supply.availableAtMs)}`;
}

function rejectedOf(problem: PlanningProblem, search: Search, best: Slot): string[] {
  const { parts, job, technicians } = problem;
  const { earliest, prevented } = search;
  const lines: string[] = [];
  if (earliest !== undefined && earliest.startMs !== best.startMs)
    lines.push(
      `the earliest slot, ${minuteText(earliest.startMs)}: expected to cost ${money(earliest.cost.total - best.cost.total)} more ` +
        `(standstill ${money(earliest.cost.downtime)} instead of ${money(best.cost.downtime)})`,
    );
  if (prevented !== undefined)
    lines.push(
      `${minuteText(prevented.slot.startMs)}: would cost ${money(best.cost.total - prevented.slot.cost.total)} less, but ${prevented.window.reason}`,
    );
  const taken = new Set(best.supply.lines.map(({ sku }) => sku));
  for (const { component } of job.parts)
    for (const part of parts)
      if (part.fits.includes(component) && !taken.has(part.sku))
        lines.push(
          `${part.sku}: ${part.free > 0 ? 'in stock, not cheaper' : `out of stock, ${part.leadTimeHours} h to get`}`,
        );
  const crew = new Set(best.crew.members.map(({ technician }) => technician.id));
  for (const { id, name, skills } of technicians)
    if (!crew.has(id) && skills.some((skill) => job.skills.includes(skill)))
      lines.push(`${name}: ${whyNot(problem, id, best)}`);
  return lines.slice(0, 20);
}

/** Why somebody with a skill is not in the crew. */
function whyNot(problem: PlanningProblem, id: string, best: Slot): string {
  const { job, technicians, occupations, travelMinutes } = problem;
  const technician = technicians.find((candidate) => candidate.id === id)!;
  const own = occupations.filter(({ technicianId }) => technicianId === id);
  const journey = journeyFor(technician, own, job.site, best.startMs, best.endMs, travelMinutes);
  if (journey === undefined) return 'has the skill, but is not free on shift then, with travel';
  const price = memberCost({ technician, journey }, job.durationMinutes);
  return `has the skill and the time, for ${money(price)}; the crew that goes costs ${money(best.crew.cost)}`;
}

function roundAll<T extends object>(costs: T): T {
  return Object.fromEntries(
    Object.entries(costs).map(([name, cost]) => [name, Number((cost as number).toFixed(2))]),
  ) as T;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function money(amount: number): string {
  return String(Math.round(amount));
}

function minuteText(ms: number): string {
  return iso(ms).slice(0, 16).replace('T', ' ');
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
