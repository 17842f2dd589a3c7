import type { Job, Part } from './model.ts';

/** One way to have every part of a job. */
export interface Supply {
  readonly lines: readonly SupplyLine[];
  readonly availableAtMs: number;
  readonly cost: number;
}

export interface SupplyLine {
  readonly component: string;
  readonly sku: string;
  readonly name: string;
  readonly quantity: number;
  /** Pieces that are taken from the shelf; the rest is ordered. */
  readonly fromStock: number;
}

const HOUR_MS = 3_600_000;

/**
 * Every way to have the parts that is not both later and dearer than another, the earliest first. Empty: some component has no part. A
 * component that no part fits has to be repaired without one when it is marked so; here each named component needs its part.
 */
export function suppliesOf(job: Job, parts: readonly Part[], nowMs: number): readonly Supply[] {
  const options = job.parts.map(({ component, quantity }) =>
    parts.filter((part) => part.fits.includes(component)).map((part) => ({ component, quantity, part })),
  );
  const all = combine(options).map((choice) => supplyOf(choice, nowMs));
  const sorted = all.toSorted(
    (a, b) => a.availableAtMs - b.availableAtMs || a.cost - b.cost || compare(skus(a), skus(b)),
  );
  const kept: Supply[] = [];
  for (const supply of sorted) if (supply.cost < (kept.at(-1)?.cost ?? Infinity)) kept.push(supply);
  return kept;
}

interface Choice {
  readonly component: string;
  readonly quantity: number;
  readonly part: Part;
}

function combine(options: readonly (readonly Choice[])[]): readonly (readonly Choice[])[] {
  return options.reduce<readonly (readonly Choice[])[]>(
    (chosen, alternatives) => chosen.flatMap((before) => alternatives.map((next) => [...before, next])),
    [[]],
  );
}

/** Two components may want the same part: the shelf is emptied in their order. */
function supplyOf(choice: readonly Choice[], nowMs: number): Supply {
  const taken = new Map<string, number>();
  let availableAtMs = nowMs;
  let cost = 0;
  const lines = choice.map(({ component, quantity, part }) => {
    const left = Math.max(0, part.free - (taken.get(part.sku) ?? 0));
    const fromStock = Math.min(left, quantity);
    taken.set(part.sku, (taken.get(part.sku) ?? 0) + fromStock);
    if (fromStock < quantity) availableAtMs = Math.max(availableAtMs, nowMs + part.leadTimeHours * HOUR_MS);
    cost += quantity * part.unitCost;
    return { component, sku: part.sku, name: part.name, quantity, fromStock };
  });
  return { lines, availableAtMs, cost };
}

function skus({ lines }: Supply): string {
  return lines.map(({ sku }) => sku).join(' ');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
