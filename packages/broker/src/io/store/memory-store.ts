import type { Store, StoreChange } from './store.ts';

/** Survives a broker, not its process: for tests of what a restart finds. */
export class MemoryStore implements Store {
  readonly durability = 'process';
  private readonly values = new Map<string, Buffer>();

  async *entries(): AsyncGenerator<readonly [string, Buffer]> {
    yield* [...this.values].toSorted(([a], [b]) => (a < b ? -1 : 1));
  }

  get size(): number {
    return this.values.size;
  }

  async write(changes: readonly StoreChange[]): Promise<void> {
    for (const { key, value } of changes) {
      if (value === undefined) this.values.delete(key);
      else this.values.set(key, Buffer.from(value));
    }
  }

  async close(): Promise<void> {}
}
