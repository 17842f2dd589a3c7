import { Compile } from 'typebox/compile';
import { PlannerError } from '../errors.ts';
import type { Occupation, Shift, Technician } from './model.ts';
import { Seed } from './schemas.ts';

/** A seed in the terms of the planner. */
export interface SeedData {
  readonly parts: readonly {
    readonly sku: string;
    readonly name: string;
    readonly fits: readonly string[];
    readonly stock: number;
    readonly leadTimeHours: number;
    readonly unitCost: number;
  }[];
  readonly technicians: readonly Technician[];
  readonly occupations: readonly Occupation[];
  readonly travel: readonly { readonly from: string; readonly to: string; readonly minutes: number }[];
}

export const DEFAULT_SITE = 'site';
const HOUR_MS = 3_600_000;
const ALL_DAYS = [0, 1, 2, 3, 4, 5, 6];
const checker = Compile(Seed);

/** `atMs`: when the hours of its bookings begin. Throws PlannerError `invalid-seed` that names the field. */
export function parseSeed(value: unknown, atMs: number): SeedData {
  if (!checker.Check(value)) {
    const [fault] = checker.Errors(value);
    throw new PlannerError(
      'invalid-seed',
      `${pathOf(fault?.instancePath)} ${fault?.message ?? 'is malformed'}`,
    );
  }
  const { site = DEFAULT_SITE, parts, technicians, travel = [] } = value;
  assertUnique(
    'parts',
    parts.map(({ sku }) => sku),
  );
  assertUnique(
    'technicians',
    technicians.map(({ id }) => id),
  );
  const hour = Math.floor(atMs / HOUR_MS) * HOUR_MS;
  return {
    parts: parts.map((part) => ({ unitCost: 0, ...part })),
    technicians: technicians.map(({ id, name, skills, site: home = site, costPerHour = 0, shifts }) => ({
      id,
      name,
      skills,
      homeSite: home,
      costPerHour,
      shifts: shifts.map(parseShift),
    })),
    occupations: technicians.flatMap(({ id, booked = [], site: home = site }, i) =>
      booked.map(({ fromHour, toHour, site: at = home }, j) => {
        if (toHour <= fromHour)
          throw new PlannerError(
            'invalid-seed',
            `technicians[${i}].booked[${j}].toHour must be after fromHour`,
          );
        return {
          technicianId: id,
          fromMs: hour + fromHour * HOUR_MS,
          toMs: hour + toHour * HOUR_MS,
          site: at,
        };
      }),
    ),
    travel,
  };
}

function parseShift({ days = ALL_DAYS, from, to }: Seed['technicians'][number]['shifts'][number]): Shift {
  const [fromMinute, toMinute] = [minuteOf(from), minuteOf(to)];
  return { days, fromMinute, toMinute: toMinute > fromMinute ? toMinute : toMinute + 1440 };
}

function minuteOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}

function assertUnique(field: string, ids: readonly string[]): void {
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) throw new PlannerError('invalid-seed', `${field}: ${twice} is there twice`);
}

function pathOf(pointer = ''): string {
  const path = pointer
    .slice(1)
    .replaceAll(/\/(\d+)/g, '[$1]')
    .replaceAll('/', '.');
  return path === '' ? 'the seed' : path;
}
