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

/** LevelDB in a directory. Rejects with BrokerError `store-open-failed`. */
export async function openLevelStore(options: LevelStoreOptions): Promise<Store> {
  const sync = options.sync ?? true;
  const db = new ClassicLevel<string, Buffer>(options.directory, {
    keyEncoding: 'utf8',
    valueEncoding: 'buffer',
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
