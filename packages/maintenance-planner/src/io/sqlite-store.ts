import { parseSeed, type SeedData } from '../core/seed.ts';
import type { Booking, BookingKey } from '../core/schemas.ts';
import type { Shift } from '../core/model.ts';
import type { MaintenanceStore, StockData, StoreTransaction } from '../core/store.ts';
import { asPlannerError, openDatabase, type Connection } from './open-database.ts';

export interface SqliteStoreOptions {
  /** Path of the database, or `:memory:`. Its folder has to be there. */
  readonly file: string;
  /** Put into a database that holds no technician and no part yet: a `Seed`. Nothing of it is read afterwards. */
  readonly seed?: unknown;
  /** When the hours of the seed's bookings begin. Default: now. */
  readonly seedAt?: Date;
  /** Wait for another process that is booking. Default 10 000. */
  readonly busyTimeoutMs?: number;
  /** Bound of the file. At the bound nothing more is booked (`store-full`). Default 64 MiB. */
  readonly maxBytes?: number;
  /** Bookings that ended longer ago are removed, their parts counted as used. Default 400 days. */
  readonly retentionDays?: number;
}

const DAY_MS = 86_400_000;

/**
 * The embedded database. Several processes of one machine may share a file; a transaction is alone among all of them, and on disk when it
 * is confirmed. Throws PlannerError `invalid-seed`, `store-too-new`, `store-failed`.
 */
export function openSqliteStore(options: SqliteStoreOptions): MaintenanceStore {
  const { file, busyTimeoutMs = 10_000, maxBytes = 64 * 2 ** 20, retentionDays = 400 } = options;
  const seed =
    options.seed === undefined
      ? undefined
      : parseSeed(options.seed, (options.seedAt ?? new Date()).getTime());
  const db = openDatabase(file, { busyTimeoutMs, maxBytes });
  const alone = <T>(work: () => T): T => {
    try {
      db.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        db.exec('COMMIT');
        return result;
      } catch (error) {
        if (db.inTransaction) db.exec('ROLLBACK');
        throw error;
      }
    } catch (error) {
      throw asPlannerError(file, error);
    }
  };
  let open = true;
  try {
    alone(() => {
      if (seed !== undefined && isEmpty(db)) writeSeed(db, seed);
      prune(db, Date.now() - retentionDays * DAY_MS);
    });
  } catch (error) {
    db.close();
    throw error;
  }
  return {
    // Rejects, never throws.
    transact: async (work) => alone(() => work(transactionOn(db))),
    async close() {
      if (open) db.close();
      open = false;
    },
  };
}

function transactionOn(db: Connection): StoreTransaction {
  return {
    read: (sinceMs) => readStock(db, sinceMs),
    find({ sessionId, stepId }: BookingKey) {
      const row = db
        .prepare('SELECT document FROM booking WHERE session_id = ? AND step_id = ?')
        .get(sessionId, stepId) as { document: string } | undefined;
      return row && (JSON.parse(row.document) as Booking);
    },
    bookings({ deviceIds, limit }) {
      const rows = db
        .prepare(
          `SELECT document FROM booking WHERE ?1 IS NULL OR device_id IN (SELECT value FROM json_each(?1)) ORDER BY id DESC LIMIT ?2`,
        )
        .all(deviceIds === undefined ? null : JSON.stringify(deviceIds), limit) as { document: string }[];
      return rows.map(({ document }) => JSON.parse(document) as Booking);
    },
    insert: (booking) => insertBooking(db, booking),
    release(booking) {
      const { sessionId, stepId } = booking.key;
      const { id } = db
        .prepare('SELECT id FROM booking WHERE session_id = ? AND step_id = ?')
        .get(sessionId, stepId) as { id: number };
      db.prepare(`UPDATE booking SET state = 'released', document = ? WHERE id = ?`).run(
        JSON.stringify(booking),
        id,
      );
      db.prepare('DELETE FROM occupation WHERE booking_id = ?').run(id);
      db.prepare('DELETE FROM reservation WHERE booking_id = ?').run(id);
    },
  };
}

function insertBooking(db: Connection, booking: Booking): void {
  const { key, state, plan } = booking;
  const [fromMs, toMs] = [Date.parse(plan.startAt), Date.parse(plan.endAt)];
  const { lastInsertRowid } = db
    .prepare(
      'INSERT INTO booking (session_id, step_id, device_id, state, from_ms, to_ms, document) VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
    .run(key.sessionId, key.stepId, plan.deviceId, state, fromMs, toMs, JSON.stringify(booking));
  const occupy = db.prepare(
    'INSERT INTO occupation (technician_id, booking_id, from_ms, to_ms, site) VALUES (?, ?, ?, ?, ?)',
  );
  for (const { id } of plan.technicians) occupy.run(id, lastInsertRowid, fromMs, toMs, plan.site);
  const reserve = db.prepare('INSERT INTO reservation (booking_id, sku, quantity) VALUES (?, ?, ?)');
  for (const { sku, quantity, inStock } of plan.parts)
    if (inStock) reserve.run(lastInsertRowid, sku, quantity);
}

function readStock(db: Connection, sinceMs: number): StockData {
  const parts = db
    .prepare(
      `SELECT sku, name, fits, lead_time_hours AS leadTimeHours, unit_cost AS unitCost,
         stock - (SELECT coalesce(sum(quantity), 0) FROM reservation r WHERE r.sku = part.sku) AS free
       FROM part ORDER BY sku`,
    )
    .all() as (Omit<StockData['parts'][number], 'fits'> & { fits: string })[];
  const technicians = db
    .prepare(
      'SELECT id, name, skills, site AS homeSite, shifts, cost_per_hour AS costPerHour FROM technician ORDER BY id',
    )
    .all() as {
    id: string;
    name: string;
    skills: string;
    homeSite: string;
    shifts: string;
    costPerHour: number;
  }[];
  return {
    parts: parts.map((part) => ({ ...part, fits: JSON.parse(part.fits) as string[] })),
    technicians: technicians.map((technician) => ({
      ...technician,
      skills: JSON.parse(technician.skills) as string[],
      shifts: JSON.parse(technician.shifts) as Shift[],
    })),
    occupations: db
      .prepare(
        'SELECT technician_id AS technicianId, from_ms AS fromMs, to_ms AS toMs, site FROM occupation WHERE to_ms > ?',
      )
      .all(sinceMs) as StockData['occupations'],
    travel: db
      .prepare('SELECT from_site AS "from", to_site AS "to", minutes FROM travel')
      .all() as StockData['travel'],
    downtimes: db
      .prepare(
        `SELECT device_id AS deviceId, from_ms AS fromMs, to_ms AS toMs FROM booking WHERE state = 'booked' AND to_ms > ?`,
      )
      .all(sinceMs) as StockData['downtimes'],
  };
}

function isEmpty(db: Connection): boolean {
  const row = db
    .prepare('SELECT (SELECT count(*) FROM part) + (SELECT count(*) FROM technician) AS rows')
    .get();
  return (row as { rows: number }).rows === 0;
}

function writeSeed(db: Connection, { parts, technicians, occupations, travel }: SeedData): void {
  const part = db.prepare('INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)');
  for (const { sku, name, fits, stock, leadTimeHours, unitCost } of parts)
    part.run(sku, name, JSON.stringify(fits), stock, leadTimeHours, unitCost);
  const technician = db.prepare('INSERT INTO technician VALUES (?, ?, ?, ?, ?, ?)');
  for (const { id, name, skills, homeSite, shifts, costPerHour } of technicians)
    technician.run(id, name, JSON.stringify(skills), homeSite, JSON.stringify(shifts), costPerHour);
  const occupation = db.prepare('INSERT INTO occupation VALUES (?, NULL, ?, ?, ?)');
  for (const { technicianId, fromMs, toMs, site } of occupations)
    occupation.run(technicianId, fromMs, toMs, site);
  const journey = db.prepare('INSERT OR REPLACE INTO travel VALUES (?, ?, ?)');
  for (const { from, to, minutes } of travel) journey.run(from, to, minutes);
}

/** Work that is long done: its parts have left the shelf. */
function prune(db: Connection, beforeMs: number): void {
  db.prepare(
    `UPDATE part SET stock = stock - (SELECT coalesce(sum(r.quantity), 0) FROM reservation r JOIN booking b ON b.id = r.booking_id
       WHERE r.sku = part.sku AND b.to_ms < ?1)`,
  ).run(beforeMs);
  db.prepare('DELETE FROM booking WHERE to_ms < ?').run(beforeMs);
  db.prepare('DELETE FROM occupation WHERE booking_id IS NULL AND to_ms < ?').run(beforeMs);
}
