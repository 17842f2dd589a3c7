import { ByteWriter } from './byte-writer.ts';
import type { DeliveryNote } from './delivery-note.ts';
import {
  appendDelivery,
  decodeDelivery,
  encodeDelivery,
  keyOf,
  sequenceKey,
  type DeliveryRecord,
} from './records.ts';

/** A pack goes when the last of its deliveries is over, so it holds no more than a client takes in one go. */
const PACK_BYTES = 64 * 1024;

/** Deliveries to one session that were recorded with one batch, in one record. */
export class Pack {
  /** Unset until it is written. */
  key: string | undefined;
  /** How many of its deliveries are not over. */
  live = 0;
  /** Keys of the records that say what became of one of them. */
  readonly fates: string[] = [];
}

interface Draft {
  readonly pack: Pack;
  readonly notes: DeliveryNote[];
  bytes: number;
}

export interface PackedRecord {
  readonly key: string;
  readonly value: Buffer;
}

/** Deliveries that are kept for long, as a batch collects them. */
export class PackDrafts {
  /** By client; full ones are in `all` only. */
  private readonly open = new Map<string, Draft>();
  private readonly all: Draft[] = [];

  add(note: DeliveryNote, bytes: number): void {
    let draft = this.open.get(note.clientId);
    if (draft === undefined || draft.bytes + bytes > PACK_BYTES) {
      draft = { pack: new Pack(), notes: [], bytes: 0 };
      this.open.set(note.clientId, draft);
      this.all.push(draft);
    }
    draft.notes.push(note);
    draft.bytes += bytes;
    note.pack = draft.pack;
  }

  /** The records of what is left, as it is now. */
  *records(): Generator<PackedRecord> {
    for (const { pack, notes } of this.all) {
      const live = notes.filter(({ isGone }) => !isGone);
      const [first] = live;
      if (first === undefined) continue;
      if (live.length === 1) {
        first.pack = undefined;
        const { delivery, stored } = first;
        yield { key: first.key, value: encodeDelivery(delivery, stored?.id) };
        continue;
      }
      pack.live = live.length;
      pack.key = keyOf('pack', first.clientId, sequenceKey(first.delivery.sequence));
      yield { key: pack.key, value: encodePack(live) };
    }
  }
}

/** Sequence (6) and length (4) before each delivery. */
const HEAD_BYTES = 10;

function encodePack(notes: readonly DeliveryNote[]): Buffer {
  const out = new ByteWriter();
  for (const { delivery, stored } of notes) {
    const at = out.claim(HEAD_BYTES);
    appendDelivery(out, delivery, stored?.id);
    out.bytes.writeUIntBE(delivery.sequence, at, 6);
    out.bytes.writeUInt32BE(out.length - at - HEAD_BYTES, at + 6);
  }
  return out.finish();
}

export interface PackedDelivery {
  readonly sequence: number;
  readonly record: DeliveryRecord;
}

/** Views on `bytes`. Throws when they cannot be read. */
export function decodePack(bytes: Buffer): PackedDelivery[] {
  const found: PackedDelivery[] = [];
  let at = 0;
  while (at < bytes.length) {
    const start = at + HEAD_BYTES;
    const end = start + bytes.readUInt32BE(at + 6);
    if (end > bytes.length) throw new RangeError('it ends too early');
    found.push({ sequence: bytes.readUIntBE(at, 6), record: decodeDelivery(bytes.subarray(start, end)) });
    at = end;
  }
  return found;
}
