import type { Store, StoreChange } from '@shoal/broker';
import type { World } from './world.ts';

/** The disk of a broker: a batch is on it some milliseconds after it was written, whole, or never if the broker dies before. */
export class SimDisk {
  readonly #values = new Map<string, Buffer>();
  readonly #world: World;
  readonly #lies: boolean;

  constructor(world: World, lies = false) {
    this.#world = world;
    this.#lies = lies;
  }

  open(): Store {
    const values = this.#values;
    const world = this.#world;
    const lies = this.#lies;
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
            world.random.between(1, 4) * (lies ? 50 : 1),
          );
          if (lies) resolve();
        }),
      close: () => Promise.resolve(),
    };
  }
}
