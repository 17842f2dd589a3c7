import type { Journey } from './availability.ts';
import type { Technician } from './model.ts';

export interface CrewMember {
  readonly technician: Technician;
  readonly journey: Journey;
}

export interface Crew {
  readonly members: readonly CrewMember[];
  readonly cost: number;
}

/**
 * The cheapest crew that has every skill: a table over sets of skills, each technician taken once or not, so nothing is left out.
 * Undefined: the skills are not all there.
 */
export function cheapestCrew(
  skills: readonly string[],
  available: readonly CrewMember[],
  durationMinutes: number,
): Crew | undefined {
  const everything = 2 ** skills.length - 1;
  const best: (Crew | undefined)[] = Array.from({ length: everything + 1 });
  best[0] = { members: [], cost: 0 };
  for (const member of available) {
    const can = maskOf(skills, member.technician.skills);
    if (can === 0) continue;
    const price = memberCost(member, durationMinutes);
    // Downwards, so that nobody is counted twice.
    for (let have = everything; have >= 0; have -= 1) {
      const crew = best[have];
      if (crew === undefined || (have | can) === have) continue;
      const cost = crew.cost + price;
      if (cost < (best[have | can]?.cost ?? Infinity))
        best[have | can] = { members: [...crew.members, member], cost };
    }
  }
  return best[everything];
}

/** Work and travel are paid by the hour. */
export function memberCost({ technician, journey }: CrewMember, durationMinutes: number): number {
  const minutes = durationMinutes + journey.beforeMinutes + journey.afterMinutes;
  return (minutes / 60) * technician.costPerHour;
}

function maskOf(wanted: readonly string[], has: readonly string[]): number {
  return wanted.reduce((mask, skill, i) => (has.includes(skill) ? mask | (1 << i) : mask), 0);
}
