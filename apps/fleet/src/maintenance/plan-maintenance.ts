import type { FailureMode } from './failure-modes.ts';
import type { Inventory, Part, Technician } from './inventory.ts';

export interface MaintenancePlan {
  readonly part: {
    readonly sku: string;
    readonly name: string;
    readonly inStock: boolean;
    readonly availableInHours: number;
  } | null;
  readonly technician: { readonly id: string; readonly name: string };
  /** ISO 8601, UTC. */
  readonly startAt: string;
  readonly endAt: string;
  /** The slot begins after the time by which the failure mode wants it. */
  readonly late: boolean;
  readonly reasons: readonly string[];
}

const HOUR_MS = 3_600_000;
const HORIZON_HOURS = 24 * 60;

/**
 * The earliest slot that has the part, a technician with the skill inside the shift and free, and starts in a whole hour.
 * Undefined when nobody has the skill or no slot exists within 60 days. `notBefore` (hours from now) pushes the slot back.
 */
export function planMaintenance(
  mode: FailureMode,
  inventory: Inventory,
  now: Date,
  notBefore = 0,
): MaintenancePlan | undefined {
  const part = bestPart(mode, inventory);
  const earliest = Math.max(Math.ceil(partDelay(part)), Math.ceil(notBefore), 1);
  const slots = inventory.technicians
    .filter((technician) => technician.skills.includes(mode.skill))
    .flatMap((technician) => {
      const hour = firstFreeHour(technician, mode.durationHours, earliest, now);
      return hour === undefined ? [] : [{ technician, hour }];
    });
  const best = slots.toSorted((a, b) => a.hour - b.hour || a.technician.id.localeCompare(b.technician.id))[0];
  if (best === undefined) return undefined;
  const start = startOfHour(now).getTime() + best.hour * HOUR_MS;
  const late = best.hour > mode.dueHours;
  return {
    part:
      part === undefined
        ? null
        : { sku: part.sku, name: part.name, inStock: part.stock > 0, availableInHours: partDelay(part) },
    technician: { id: best.technician.id, name: best.technician.name },
    startAt: new Date(start).toISOString(),
    endAt: new Date(start + mode.durationHours * HOUR_MS).toISOString(),
    late,
    reasons: reasons(mode, part, best.technician, late, slots.length),
  };
}

/** The part for the component: in stock before on order, then the shorter lead time, then the name. */
function bestPart(mode: FailureMode, inventory: Inventory): Part | undefined {
  return inventory.parts
    .filter((part) => part.fits.includes(mode.component))
    .toSorted((a, b) => partDelay(a) - partDelay(b) || a.sku.localeCompare(b.sku))[0];
}

function partDelay(part: Part | undefined): number {
  return part === undefined || part.stock > 0 ? 0 : part.leadTimeHours;
}

function firstFreeHour(
  technician: Technician,
  durationHours: number,
  earliest: number,
  now: Date,
): number | undefined {
  for (let hour = earliest; hour <= HORIZON_HOURS; hour += 1) {
    const ofDay = (startOfHour(now).getUTCHours() + hour) % 24;
    const inShift = ofDay >= technician.shift.fromHour && ofDay + durationHours <= technician.shift.toHour;
    const free = technician.booked.every(
      (booking) => hour + durationHours <= booking.fromHour || hour >= booking.toHour,
    );
    if (inShift && free) return hour;
  }
  return undefined;
}

function startOfHour(now: Date): Date {
  return new Date(Math.floor(now.getTime() / HOUR_MS) * HOUR_MS);
}

function reasons(
  mode: FailureMode,
  part: Part | undefined,
  technician: Technician,
  late: boolean,
  candidates: number,
): readonly string[] {
  const supply =
    part === undefined
      ? `no part needed for ${mode.component}`
      : part.stock > 0
        ? `${part.name} (${part.sku}) is in stock: ${part.stock}`
        : `${part.name} (${part.sku}) is out of stock and arrives in ${part.leadTimeHours} h`;
  const who = `${technician.name} has the skill "${mode.skill}" and is first free of ${candidates} with it`;
  return late
    ? [supply, who, `the slot misses the ${mode.dueHours} h that the finding asks for`]
    : [supply, who];
}
