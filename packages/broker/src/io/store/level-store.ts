import { readdir } from 'node:fs/promises';

import { ClassicLevel } from 'classic-level';

import { BrokerError } from '../broker-error.ts';
import type { Store } from './store.ts';

export interface LevelStoreOptions {
  /** Made if missing. One broker at a time. */
  readonly directory: string;
  /**
   * Default true: each batch is flushed to the disk before it is acknowledged and survives a power cut. False leaves the flush to the
   * operating system: survives the death of the broker, not of the machine.
   */
  readonly sync?: boolean;
}

/**
 * Most of what is written is deleted again within moments. LevelDB forgets it without a trace as long as both are in its buffer; with the
 * 4 MB of its default it would sort and merge it on the disk first. Twice this much memory is used at most, under load.
 */
const WRITE_BUFFER_BYTES = 32 * 1024 * 1024;

/** LevelDB would begin anew where its CURRENT file is gone, and delete what is left. */
async function assertStoreOrEmpty(directory: string): Promise<void> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [] as string[];
    throw new BrokerError(
      'store-open-failed',
      `cannot open the store in ${directory}: ${error.message}`,
      error,
    );
  });
  if (names.length === 0 || names.includes('CURRENT')) return;
  throw new BrokerError(
    'store-open-failed',
    `cannot open the store in ${directory}: it has files and is no store, or has lost its CURRENT file; use an empty directory, or bring back a copy`,
  );
}

/** LevelDB in a directory. Rejects with BrokerError `store-open-failed`. */
export async function openLevelStore(options: LevelStoreOptions): Promise<Store> {
  const sync = options.sync ?? true;
  await assertStoreOrEmpty(options.directory);
  const db = new ClassicLevel<string, Buffer>(options.directory, {
    keyEncoding: 'utf8',
    valueEncoding: 'buffer',
    writeBufferSize: WRITE_BUFFER_BYTES,
  });
  try {
    await db.open();
  } catch (error) {
    const cause =
      error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new BrokerError(
      'store-open-failed',
      `cannot open the store in ${options.directory}: ${cause}`,
      error,
    );
  }
  return {
    durability: sync ? 'disk' : 'process',
    entries: () => db.iterator(),
    write: (changes) => {
      // Costs a tenth of what an array of operations costs.
      const batch = db.batch();
      for (const { key, value } of changes) {
        if (value === undefined) batch.del(key);
        else batch.put(key, value);
      }
      return batch.write({ sync });
    },
    close: () => db.close(),
  };
}
