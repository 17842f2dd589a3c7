import { ClassicLevel } from 'classic-level';
import { localError } from '../errors.ts';

/** LevelDB in a directory. Rejects with A2aError `store-failed`, for example when another process has it open. */
export async function openLevel(directory: string): Promise<ClassicLevel> {
  const db = new ClassicLevel(directory);
  try {
    await db.open();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw localError('store-failed', `cannot open the store in ${directory}: ${why}`, { cause: error });
  }
  return db;
}

export interface Change {
  readonly key: string;
  /** Undefined: delete. */
  readonly value: string | undefined;
}

export function writeChanges(db: ClassicLevel, changes: readonly Change[], sync: boolean): Promise<void> {
  const batch = db.batch();
  for (const { key, value } of changes) {
    if (value === undefined) batch.del(key);
    else batch.put(key, value);
  }
  return batch.write({ sync });
}
