import { readFileSync } from 'node:fs';

export interface Part {
  readonly sku: string;
  readonly name: string;
  /** Components that the part repairs, as the failure-mode catalogue names them. */
  readonly fits: readonly string[];
  readonly stock: number;
  /** Hours until a part that is out of stock arrives. */
  readonly leadTimeHours: number;
}

export interface Booking {
  /** Hours after the planning moment. */
  readonly fromHour: number;
  readonly toHour: number;
}

export interface Technician {
  readonly id: string;
  readonly name: string;
  readonly skills: readonly string[];
  /** Hours of the day (UTC) between which the technician works. */
  readonly shift: { readonly fromHour: number; readonly toHour: number };
  readonly booked: readonly Booking[];
}

export interface Inventory {
  readonly parts: readonly Part[];
  readonly technicians: readonly Technician[];
  /** Expected production per hour of the day (UTC), in percent of capacity; 24 numbers. */
  readonly demandPercentByHour: readonly number[];
}

export class InventoryError extends Error {
  override readonly name = 'InventoryError';
}

/** Reads the inventory file; throws InventoryError that names the file and the field. */
export function readInventory(file: string | URL): Inventory {
  try {
    return parseInventory(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new InventoryError(`${String(file)}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

export function parseInventory(value: unknown): Inventory {
  const root = record('inventory', value);
  return {
    parts: list('parts', root['parts']).map((entry, i) =>
      parsePart(`parts[${i}]`, record(`parts[${i}]`, entry)),
    ),
    technicians: list('technicians', root['technicians']).map((entry, i) =>
      parseTechnician(`technicians[${i}]`, record(`technicians[${i}]`, entry)),
    ),
    demandPercentByHour: parseDemand(root['demandPercentByHour']),
  };
}

function parsePart(at: string, entry: Record<string, unknown>): Part {
  return {
    sku: text(`${at}.sku`, entry['sku']),
    name: text(`${at}.name`, entry['name']),
    fits: list(`${at}.fits`, entry['fits']).map((fit) => text(`${at}.fits`, fit)),
    stock: amount(`${at}.stock`, entry['stock'], 0),
    leadTimeHours: amount(`${at}.leadTimeHours`, entry['leadTimeHours'], 0),
  };
}

function parseTechnician(at: string, entry: Record<string, unknown>): Technician {
  const shift = record(`${at}.shift`, entry['shift']);
  const fromHour = amount(`${at}.shift.fromHour`, shift['fromHour'], 0, 24);
  return {
    id: text(`${at}.id`, entry['id']),
    name: text(`${at}.name`, entry['name']),
    skills: list(`${at}.skills`, entry['skills']).map((skill) => text(`${at}.skills`, skill)),
    shift: { fromHour, toHour: amount(`${at}.shift.toHour`, shift['toHour'], fromHour, 24) },
    booked: list(`${at}.booked`, entry['booked']).map((booking, i) => {
      const row = record(`${at}.booked[${i}]`, booking);
      const from = amount(`${at}.booked[${i}].fromHour`, row['fromHour'], 0);
      return { fromHour: from, toHour: amount(`${at}.booked[${i}].toHour`, row['toHour'], from) };
    }),
  };
}

function parseDemand(value: unknown): readonly number[] {
  const hours = list('demandPercentByHour', value);
  if (hours.length !== 24)
    throw new InventoryError('demandPercentByHour needs 24 numbers, one for each hour of the day');
  return hours.map((hour, i) => amount(`demandPercentByHour[${i}]`, hour, 0, 100));
}

function record(field: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InventoryError(`${field} must be an object`);
  return value as Record<string, unknown>;
}

function list(field: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new InventoryError(`${field} must be a list`);
  return value;
}

function text(field: string, value: unknown): string {
  if (typeof value !== 'string' || value === '')
    throw new InventoryError(`${field} must be a text that is not empty`);
  return value;
}

function amount(field: string, value: unknown, minimum: number, maximum = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number' || !(value >= minimum && value <= maximum))
    throw new InventoryError(`${field} must be a number from ${minimum} to ${maximum}`);
  return value;
}
