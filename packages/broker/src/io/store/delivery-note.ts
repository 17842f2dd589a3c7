import type { Stake } from '../../core/stake.ts';
import type { Delivery } from '../../core/session.ts';
import type { LogEntry } from './delivery-log.ts';
import type { Pack } from './pack.ts';
import { keyOf, sequenceKey } from './records.ts';

/** A message in the store, once for all sessions it is queued for. */
export interface Stored {
  readonly id: number;
  references: number;
}

/** What the store has of one delivery. It is in the log, or has a record, or is not written yet. */
export class DeliveryNote {
  readonly clientId: string;
  readonly delivery: Delivery;
  stake: Stake | undefined;
  /** Where the log has it; stays when it is gone. */
  entry: LogEntry | undefined;
  /** It has a record, or will have one with this batch: its own, or one with others in a pack. */
  isKeyed = false;
  pack: Pack | undefined;
  /** Of a pack: there is a record of what became of it since. */
  hasFate = false;
  /** Of its record: where the message is, unless it is kept with it. */
  stored: Stored | undefined;
  /** The batch has a fact of it. */
  isChanged = false;
  /** Nobody would miss that fact once the receiver has acknowledged. */
  isTransient = false;
  isGone = false;
  bytes = 0;

  constructor(clientId: string, delivery: Delivery) {
    this.clientId = clientId;
    this.delivery = delivery;
  }

  /** Of a record of its own: of the whole delivery, or of what became of one in a pack. */
  get key(): string {
    return keyOf('delivery', this.clientId, sequenceKey(this.delivery.sequence));
  }
}
