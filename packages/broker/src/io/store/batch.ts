import type { StoreChange } from './store.ts';

/**
 * What a change is worth: `promised` has to be written before anyone hears of it; `transient` is the record of a message on its way to
 * connected clients, which nobody will miss once they have it; `late` may be written whenever the next batch is.
 */
export type Weight = 'promised' | 'transient' | 'late';

/** The changes that are written next. */
export class Batch {
  bytes = 0;
  /** Changes that came to nothing. */
  spared = 0;
  /** Something in it has to be written before anyone hears of it. */
  isPromised = false;
  private readonly values = new Map<string, Buffer | undefined>();
  /** Keys that the store does not have yet: deleting them leaves no trace. */
  private readonly fresh = new Set<string>();
  private readonly transient = new Set<string>();

  get size(): number {
    return this.values.size;
  }

  /** True when nothing in it is worth waiting for. */
  get isSettled(): boolean {
    return !this.isPromised && this.transient.size === 0;
  }

  /** `isNew`: the store has never had this key. */
  put(key: string, value: Buffer, weight: Weight, isNew = false): void {
    this.bytes += value.length - (this.values.get(key)?.length ?? -key.length);
    this.values.set(key, value);
    if (isNew) this.fresh.add(key);
    // An older record says enough: a new packet identifier may be lost.
    if (weight === 'transient' && this.fresh.has(key)) this.transient.add(key);
    if (weight === 'promised') this.isPromised = true;
  }

  delete(key: string, weight: Weight): void {
    this.bytes -= this.values.get(key)?.length ?? 0;
    this.transient.delete(key);
    if (this.fresh.delete(key)) {
      this.bytes -= key.length;
      this.values.delete(key);
      this.spared++;
      return;
    }
    this.values.set(key, undefined);
    if (weight === 'promised') this.isPromised = true;
  }

  changes(): StoreChange[] {
    return Array.from(this.values, ([key, value]) => ({ key, value }));
  }
}
