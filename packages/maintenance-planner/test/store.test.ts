import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { createDesk, isPlannerError, openSqliteStore } from '../src/index.ts';
import { MIGRATIONS } from '../src/io/migrations.ts';
import { openDatabase } from '../src/io/open-database.ts';
import { HURRY, NOW, SEED } from './plant.ts';

const work = mkdtempSync(join(tmpdir(), 'shoal-planner-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const codeOf = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return isPlannerError(error) ? error.code : error;
  }
  return undefined;
};
const OPEN = { busyTimeoutMs: 10_000, maxBytes: 2 ** 26 };
const keep = { retentionDays: 36_500 };

it('a booking is there after the database was closed and opened', async () => {
  const file = join(work, 'kept.db');
  const store = openSqliteStore({ file, seed: SEED, ...keep });
  const key = { sessionId: 's', stepId: 'order' };
  const booking = await createDesk({ store }).book(key, { deviceId: 'p', verdict: 'looseness' });
  await store.close();
  const again = openSqliteStore({ file, seed: SEED, ...keep });
  expect(await createDesk({ store: again }).list()).toEqual([booking]);
  await again.close();
});

it('several processes at once, one of them killed, never take anybody or anything twice', async () => {
  const file = join(work, 'shared.db');
  await openSqliteStore({ file, seed: SEED, ...keep }).close();
  const script = fileURLToPath(new URL('./book-many.ts', import.meta.url));
  const children = [0, 1, 2].map((n) =>
    fork(script, [file, String(n)], { execArgv: ['--conditions=@shoal/source', '--import', 'tsx'] }),
  );
  const [killed, ...others] = children;
  // Before anything is waited for: one that is done early says so only once.
  const exits = others.map(async (child) => (await once(child, 'exit'))[0] as number);
  // Its first message comes when it has booked something.
  await once(killed!, 'message');
  killed!.kill('SIGKILL');
  expect(await Promise.all(exits)).toEqual([0, 0]);

  const store = openSqliteStore({ file, ...keep });
  const bookings = await createDesk({ store }).list();
  await store.close();
  const taken = bookings.flatMap(({ plan }) => plan.technicians.map(({ id }) => ({ id, plan })));
  expect(taken.length).toBeGreaterThanOrEqual(11);
  for (const [i, one] of taken.entries())
    for (const other of taken.slice(i + 1))
      expect(
        one.id !== other.id || one.plan.endAt <= other.plan.startAt || other.plan.endAt <= one.plan.startAt,
      ).toBe(true);
  const fromStock = bookings
    .flatMap(({ plan }) => plan.parts)
    .filter(({ sku, inStock }) => sku === 'BRG-1' && inStock);
  expect(fromStock.length).toBeLessThanOrEqual(2);
  // The two that were not killed shared their keys: each is there once.
  expect(new Set(bookings.map(({ key }) => key.sessionId)).size).toBe(bookings.length);
}, 240_000);

it('the database itself refuses to take anybody twice', () => {
  const db = openDatabase(':memory:', OPEN);
  db.exec(`INSERT INTO technician VALUES ('ada', 'Ada', '[]', 'north', '[]', 0)`);
  db.exec(`INSERT INTO occupation VALUES ('ada', NULL, 10, 20, 'north')`);
  expect(() => db.exec(`INSERT INTO occupation VALUES ('ada', NULL, 19, 30, 'north')`)).toThrow(
    'taken at that time',
  );
  db.exec(`INSERT INTO occupation VALUES ('ada', NULL, 20, 30, 'north')`);
  db.close();
});

describe('a change of the schema', () => {
  const NEXT = [...MIGRATIONS, 'ALTER TABLE part ADD COLUMN shelf TEXT'];

  it('keeps what is there and copies the file first', () => {
    const file = join(work, 'older.db');
    const older = openDatabase(file, OPEN);
    older.exec(`INSERT INTO part VALUES ('A', 'a', '[]', 1, 0, 0)`);
    older.close();
    const newer = openDatabase(file, { ...OPEN, migrations: NEXT });
    expect(newer.prepare('SELECT sku, shelf FROM part').all()).toEqual([{ sku: 'A', shelf: null }]);
    newer.close();
    expect(readdirSync(work)).toContain('older.db.v1.backup');
    const backup = openDatabase(`${file}.v1.backup`, OPEN);
    expect(backup.prepare('SELECT sku FROM part').all()).toEqual([{ sku: 'A' }]);
    backup.close();
    expect(codeOf(() => openDatabase(file, OPEN))).toBe('store-too-new');
  });

  it('that fails changes nothing', () => {
    const file = join(work, 'failing.db');
    openDatabase(file, OPEN).close();
    const migrations = [...MIGRATIONS, 'CREATE TABLE half (a)', 'NONSENSE'];
    expect(codeOf(() => openDatabase(file, { ...OPEN, migrations }))).toBe('store-failed');
    const db = openDatabase(file, OPEN);
    expect(db.prepare(`SELECT name FROM sqlite_master WHERE name = 'half'`).all()).toEqual([]);
    db.close();
  });
});

it('a full database says so and books nothing', async () => {
  const file = join(work, 'full.db');
  const store = openSqliteStore({ file, seed: SEED, maxBytes: 120_000, ...keep });
  const desk = createDesk({ store, policy: HURRY, now: () => NOW });
  const book = async (): Promise<void> => {
    for (let n = 0; n < 500; n += 1)
      await desk.book(
        { sessionId: `s${n}`, stepId: 'x' },
        { deviceId: `pump-${n}`, verdict: 'looseness', at: new Date(NOW + n * 86_400_000).toISOString() },
      );
  };
  await expect(book()).rejects.toMatchObject({ code: 'store-full' });
  const before = (await desk.list()).length;
  expect(before).toBeGreaterThan(0);
  await store.close();
});

it('work that is long done is forgotten, and its parts are used', async () => {
  const file = join(work, 'old.db');
  const store = openSqliteStore({ file, seed: SEED, ...keep });
  const desk = createDesk({ store, policy: HURRY, now: () => Date.parse('2020-01-06T08:00:00Z') });
  await desk.book({ sessionId: 's', stepId: 'x' }, { deviceId: 'p', verdict: 'inner-race' });
  await store.close();
  const later = openSqliteStore({ file });
  const { parts } = await later.transact((transaction) => transaction.read(0));
  expect(parts.find(({ sku }) => sku === 'BRG-1')?.free).toBe(1);
  expect(await createDesk({ store: later }).list()).toEqual([]);
  await later.close();
});

describe('the seed', () => {
  const [technician] = SEED.technicians;
  it.each([
    [{}, 'parts'],
    [{ ...SEED, parts: [{ ...SEED.parts[0], stock: -1 }] }, 'parts[0].stock'],
    [
      { ...SEED, technicians: [{ ...technician, shifts: [{ from: '8', to: '16:00' }] }] },
      'technicians[0].shifts[0].from',
    ],
    [{ ...SEED, technicians: [technician, technician] }, 'ada is there twice'],
    [{ ...SEED, technicians: [{ ...technician, booked: [{ fromHour: 2, toHour: 1 }] }] }, 'booked[0].toHour'],
  ])('%# names the field that is wrong', (seed, field) => {
    expect(() => openSqliteStore({ file: ':memory:', seed })).toThrow(field);
  });

  it('is put in once', async () => {
    const file = join(work, 'seeded.db');
    await openSqliteStore({ file, seed: SEED }).close();
    const other = { ...SEED, parts: [] };
    const store = openSqliteStore({ file, seed: other });
    expect((await store.transact((transaction) => transaction.read(0))).parts).toHaveLength(3);
    await store.close();
  });
});

it('a file that is no database is told by its name', () => {
  expect(codeOf(() => openSqliteStore({ file: join(work, 'missing', 'x.db') }))).toBe('store-failed');
  expect(existsSync(join(work, 'missing'))).toBe(false);
});
