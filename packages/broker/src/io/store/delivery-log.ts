import type { DeliveryNote } from './delivery-note.ts';
import { LogEntryWriter } from './log-entry.ts';
import { keyOf, sequenceKey } from './records.ts';

/** Beyond this, the oldest entries make room. */
const LOG_BYTES = 4 * 1024 * 1024;

export interface LogEntry {
  readonly key: string;
  readonly bytes: number;
  /** Deliveries that it was the last to tell of, and since then perhaps others. */
  readonly notes: DeliveryNote[];
  /** How many of them depend on it. */
  live: number;
}

/**
 * Deliveries on their way, as facts in the order of time: one entry a batch, so that a message to a hundred clients, and all their
 * acknowledgements, cost the store one write and not hundreds. Entries go from the oldest on, when nothing depends on them or there are
 * too many; a delivery that lives longer then gets a record of its own, and is never in the log again.
 */
export class DeliveryLog {
  private entries: LogEntry[] = [];
  private bytes = 0;
  private next = 1;
  private readonly maxBytes: number;

  constructor(maxBytes = LOG_BYTES) {
    this.maxBytes = maxBytes;
  }

  /** Takes the oldest entries away. `keep` gives a delivery a record of its own, in the batch in which `discard` takes keys away. */
  trim(keep: (note: DeliveryNote) => void, discard: (key: string) => void): void {
    let count = 0;
    for (const entry of this.entries) {
      if (entry.live > 0 && this.bytes <= this.maxBytes) break;
      count++;
      this.bytes -= entry.bytes;
      discard(entry.key);
      for (const note of entry.notes) {
        if (note.isGone || note.entry !== entry) continue;
        note.entry = undefined;
        keep(note);
      }
    }
    if (count > 0) this.entries = this.entries.slice(count);
  }

  /** The entry of a batch in which these have changed. */
  append(notes: readonly DeliveryNote[]): { readonly key: string; readonly value: Buffer } | undefined {
    const writer = new LogEntryWriter();
    const moved: DeliveryNote[] = [];
    for (const note of notes) {
      note.isChanged = false;
      note.isTransient = false;
      const { clientId, delivery } = note;
      if (note.isKeyed) continue;
      if (note.isGone) {
        if (note.entry !== undefined) writer.gone(clientId, delivery);
        continue;
      }
      if (note.entry === undefined) writer.delivery(clientId, delivery);
      else if (delivery.state === 'released') {
        writer.released(clientId, delivery);
        note.entry.live--;
      } else {
        writer.sent(clientId, delivery);
        continue;
      }
      moved.push(note);
    }
    const value = writer.finish();
    if (value === undefined) return undefined;
    const key = keyOf('log', sequenceKey(this.next++));
    const entry: LogEntry = { key, bytes: value.length, notes: moved, live: moved.length };
    for (const note of moved) note.entry = entry;
    this.entries.push(entry);
    this.bytes += value.length;
    return { key, value };
  }
}
