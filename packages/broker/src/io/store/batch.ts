import type { DeliveryNote } from './delivery-note.ts';
import { PackDrafts } from './pack.ts';
import type { StoreChange } from './store.ts';

/** What a change is worth: `promised` has to be written before anyone hears of it; `late` may be written whenever the next batch is. */
export type Weight = 'promised' | 'late';

/** Of a fact in the log. */
const FACT_BYTES = 24;

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
  /** Deliveries that the log has something new to tell of, in the order in which it happened. */
  readonly notes: DeliveryNote[] = [];
  /** Deliveries that are kept for long. */
  readonly packs = new PackDrafts();
  /** How many of both come to something. */
  private facts = 0;
  /** Deliveries on their way to connected clients: nobody will miss their record once they are there. */
  private transient = 0;

  get size(): number {
    return this.values.size + this.facts;
  }

  /** True when nothing in it is worth waiting for. */
  get isSettled(): boolean {
    return !this.isPromised && this.transient === 0;
  }

  /** `isNew`: the store does not have this key, unless this batch deletes it. */
  put(key: string, value: Buffer, weight: Weight, isNew = false): void {
    this.bytes += value.length - (this.values.get(key)?.length ?? -key.length);
    // Where an earlier record is to be deleted by this batch, the store has the key.
    if (isNew && !this.values.has(key)) this.fresh.add(key);
    this.values.set(key, value);
    if (weight === 'promised') this.isPromised = true;
  }

  delete(key: string, weight: Weight): void {
    this.bytes -= this.values.get(key)?.length ?? 0;
    if (this.fresh.delete(key)) {
      this.bytes -= key.length;
      this.values.delete(key);
      this.spared++;
      return;
    }
    this.values.set(key, undefined);
    if (weight === 'promised') this.isPromised = true;
  }

  /** A delivery that is new or has changed. `messageBytes`: of a message that the log has to tell as well. */
  note(note: DeliveryNote, weight: Weight | 'transient', messageBytes = 0): void {
    if (weight === 'promised') this.isPromised = true;
    if (note.isChanged) return;
    note.isChanged = true;
    note.bytes = FACT_BYTES + messageBytes;
    this.bytes += note.bytes;
    this.notes.push(note);
    this.facts++;
    if (weight !== 'transient') return;
    note.isTransient = true;
    this.transient++;
  }

  /** A delivery that is over. */
  gone(note: DeliveryNote): void {
    if (note.isTransient) {
      note.isTransient = false;
      this.transient--;
    }
    if (note.entry !== undefined) return this.note(note, 'late');
    // Never written: it leaves no trace.
    this.bytes -= note.bytes;
    this.facts--;
    this.spared++;
  }

  /** A delivery that is kept for long, from now on. `bytes`: about what its record takes. */
  pack(note: DeliveryNote, weight: Weight, bytes: number): void {
    if (weight === 'promised') this.isPromised = true;
    note.bytes = bytes;
    this.bytes += bytes;
    this.facts++;
    this.packs.add(note, bytes);
  }

  /** It is over before it was written. */
  unpack(note: DeliveryNote): void {
    this.bytes -= note.bytes;
    this.facts--;
    this.spared++;
  }

  changes(): StoreChange[] {
    return Array.from(this.values, ([key, value]) => ({ key, value }));
  }
}
