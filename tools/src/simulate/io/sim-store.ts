import type { Store, StoreChange } from '@shoal/broker';
import type { World } from './world.ts';

/** The disk of a broker: a batch is on it some milliseconds after it was written, whole, or never if the broker dies before. */
export class SimDisk {
  readonly #values = new Map<string, Buffer>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  open(): Store {
    const values = this.#values;
    const world = this.#world;
    return {
      durability: 'disk',
      async *entries() {
        yield* [...values].toSorted(([a], [b]) => (a < b ? -1 : 1));
      },
      write: (changes: readonly StoreChange[]) =>
        new Promise<void>((resolve) => {
          // The timer is the broker's: it does not fire when the broker is dead.
          setTimeout(
            () => {
              for (const { key, value } of changes) {
                if (value === undefined) values.delete(key);
                else values.set(key, Buffer.from(value));
              }
              resolve();
            },
            world.random.between(1, 4),
          );
        }),
      close: () => Promise.resolve(),
    };
  }
}
