import type { Placement } from '@shoal/protocol';

/** What something needs of the place where it runs. */
export interface Needs extends Placement {
  readonly blueprint?: string;
}

/** A place that may run things: a host, or one spawner of several. */
export interface Place {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** How much it takes at once, and how much of that is taken; in the unit of `weight`. */
  readonly capacity: number;
  readonly used: number;
  /** The only blueprints that it can start. Unset: any. */
  readonly blueprints?: readonly string[];
}

/** `full`: later perhaps. `nowhere`: no place is of the right kind. */
export type Choice = { readonly place: Place } | { readonly none: 'full' | 'nowhere' };

export function weightOf(needs: Placement | undefined): number {
  return needs?.weight ?? 1;
}

/** Whether it is of the right kind, room or not. */
export function suits(needs: Needs, place: Place): boolean {
  const { labels = {}, blueprint } = needs;
  if (weightOf(needs) > place.capacity) return false;
  if (blueprint !== undefined && place.blueprints?.includes(blueprint) === false) return false;
  return Object.entries(labels).every(([name, value]) => place.labels[name] === value);
}

/**
 * Where it goes: the place that is least full with it, by share; of equals the first by id. The same places give the same choice,
 * whatever their order.
 */
export function choosePlace(needs: Needs, places: readonly Place[]): Choice {
  const suitable = places.filter((place) => suits(needs, place));
  if (suitable.length === 0) return { none: 'nowhere' };
  const share = ({ used, capacity }: Place): number => (used + weightOf(needs)) / capacity;
  const [best] = suitable
    .filter((place) => share(place) <= 1)
    .sort((a, b) => share(a) - share(b) || (a.id < b.id ? -1 : 1));
  return best === undefined ? { none: 'full' } : { place: best };
}

/** Free room for such needs in all places together; `nowhere` when none is of the right kind. */
export function freeRoom(needs: Needs, places: readonly Place[]): number | 'nowhere' {
  const suitable = places.filter((place) => suits(needs, place));
  if (suitable.length === 0) return 'nowhere';
  const weight = weightOf(needs);
  // Rests that are too small for one more are no room.
  return suitable.reduce(
    (sum, { capacity, used }) => sum + Math.floor(Math.max(0, capacity - used) / weight) * weight,
    0,
  );
}

/** Of a step on top of those of its blueprint: labels of both, the weight of the step. */
export function mergePlacement(
  blueprint: Placement | undefined,
  step: Placement | undefined,
): Placement | undefined {
  if (blueprint === undefined || step === undefined) return step ?? blueprint;
  const weight = step.weight ?? blueprint.weight;
  return { labels: { ...blueprint.labels, ...step.labels }, ...(weight === undefined ? {} : { weight }) };
}
