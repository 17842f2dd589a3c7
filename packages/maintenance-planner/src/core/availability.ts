import type { Occupation, Technician } from './model.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** Journeys of a technician that a piece of work takes, in minutes. */
export interface Journey {
  readonly beforeMinutes: number;
  readonly afterMinutes: number;
}

/**
 * Whether the technician can be at `site` from `fromMs` to `toMs`: inside one shift, coming from home or from the work before it, and
 * reaching the work after it or home in time. Undefined: no.
 */
export function journeyFor(
  technician: Technician,
  occupied: readonly Occupation[],
  site: string,
  fromMs: number,
  toMs: number,
  travelMinutes: (from: string, to: string) => number,
): Journey | undefined {
  for (const { beginsMs, endsMs } of shiftsAround(technician, fromMs, toMs)) {
    let before = { site: technician.homeSite, untilMs: beginsMs };
    let after = { site: technician.homeSite, fromMs: endsMs };
    let free = true;
    for (const work of occupied) {
      if (work.toMs <= beginsMs || work.fromMs >= endsMs) continue;
      if (work.fromMs < toMs && work.toMs > fromMs) free = false;
      else if (work.toMs <= fromMs && work.toMs > before.untilMs)
        before = { site: work.site, untilMs: work.toMs };
      else if (work.fromMs >= toMs && work.fromMs < after.fromMs)
        after = { site: work.site, fromMs: work.fromMs };
    }
    if (!free) continue;
    const beforeMinutes = travelMinutes(before.site, site);
    const afterMinutes = travelMinutes(site, after.site);
    const arrives = before.untilMs + beforeMinutes * MINUTE_MS <= fromMs;
    const leaves = toMs + afterMinutes * MINUTE_MS <= after.fromMs;
    if (arrives && leaves) return { beforeMinutes, afterMinutes };
  }
  return undefined;
}

/** Shifts that hold the whole interval; one may have begun the day before. */
function* shiftsAround(
  technician: Technician,
  fromMs: number,
  toMs: number,
): Generator<{ readonly beginsMs: number; readonly endsMs: number }> {
  const today = Math.floor(fromMs / DAY_MS) * DAY_MS;
  for (const midnight of [today - DAY_MS, today]) {
    const day = new Date(midnight).getUTCDay();
    for (const { days, fromMinute, toMinute } of technician.shifts) {
      const beginsMs = midnight + fromMinute * MINUTE_MS;
      const endsMs = midnight + toMinute * MINUTE_MS;
      if (days.includes(day) && beginsMs <= fromMs && toMs <= endsMs) yield { beginsMs, endsMs };
    }
  }
}
