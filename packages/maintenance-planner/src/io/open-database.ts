import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Database from 'libsql';
import { PlannerError } from '../errors.ts';
import { MIGRATIONS } from './migrations.ts';

export type Connection = InstanceType<typeof Database>;

export interface OpenOptions {
  /** How long to wait for another process. */
  readonly busyTimeoutMs: number;
  readonly maxBytes: number;
  /** Default: those of this version. */
  readonly migrations?: readonly string[];
}

const KEPT_BACKUPS = 3;

/**
 * Opens the file, or `:memory:`, and brings its schema up to date; before that an older one is copied beside itself as
 * `{file}.v{version}.backup`, of which the last three are kept. Throws PlannerError `store-too-new`, `store-failed`.
 */
export function openDatabase(file: string, options: OpenOptions): Connection {
  const { migrations = MIGRATIONS } = options;
  const db = connect(file, options);
  try {
    const version = versionOf(db);
    if (version > migrations.length)
      throw new PlannerError(
        'store-too-new',
        `${file} has schema version ${version}, this version knows ${migrations.length}: update the program`,
      );
    if (version > 0 && version < migrations.length && file !== ':memory:') backUp(db, file, version);
    migrate(db, migrations);
    return db;
  } catch (error) {
    db.close();
    throw asPlannerError(file, error);
  }
}

function connect(file: string, { busyTimeoutMs, maxBytes }: OpenOptions): Connection {
  try {
    const db = new Database(file, { timeout: busyTimeoutMs });
    db.pragma('journal_mode = WAL');
    // A booking that was confirmed is on disk.
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    const pageBytes = Number(Object.values((db.pragma('page_size') as object[])[0] ?? { pages: 4096 })[0]);
    db.pragma(`max_page_count = ${Math.ceil(maxBytes / pageBytes)}`);
    return db;
  } catch (error) {
    throw asPlannerError(file, error);
  }
}

/** One process migrates; who waited for it finds nothing left to do. */
function migrate(db: Connection, migrations: readonly string[]): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    for (let version = versionOf(db); version < migrations.length; version += 1) {
      db.exec(migrations[version]!);
      db.pragma(`user_version = ${version + 1}`);
    }
    db.exec('COMMIT');
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}

function versionOf(db: Connection): number {
  const row = db.prepare('SELECT user_version AS version FROM pragma_user_version').get() as {
    version: number;
  };
  return row.version;
}

function backUp(db: Connection, file: string, version: number): void {
  const copy = `${file}.v${version}.backup`;
  if (existsSync(copy)) return;
  db.prepare('VACUUM INTO ?').run(copy);
  const pattern = new RegExp(
    `^${basename(file).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\.v(\\d+)\\.backup$`,
  );
  const backups = readdirSync(dirname(file)).flatMap((name) => {
    const match = pattern.exec(name);
    return match === null ? [] : [{ name, version: Number(match[1]) }];
  });
  for (const { name } of backups.toSorted((a, b) => b.version - a.version).slice(KEPT_BACKUPS))
    rmSync(join(dirname(file), name), { force: true });
}

/** What the database threw, as one of ours. */
export function asPlannerError(file: string, error: unknown): PlannerError {
  if (error instanceof PlannerError) return error;
  const { message, code } = error as { readonly message: string; readonly code?: string };
  if (code === 'SQLITE_FULL' || /database or disk is full/.test(message))
    return new PlannerError('store-full', `${file} has reached its limit; release or prune bookings`, {
      cause: error,
    });
  return new PlannerError('store-failed', `${file}: ${message}`, { cause: error });
}
