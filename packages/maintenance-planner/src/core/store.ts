import type { Occupation, Part, Technician } from './model.ts';
import type { Booking, BookingKey } from './schemas.ts';

/** What is there at one moment. */
export interface StockData {
  readonly parts: readonly Part[];
  readonly technicians: readonly Technician[];
  readonly occupations: readonly Occupation[];
  readonly travel: readonly { readonly from: string; readonly to: string; readonly minutes: number }[];
  readonly downtimes: readonly {
    readonly deviceId: string;
    readonly fromMs: number;
    readonly toMs: number;
  }[];
}

/** One look at the store, and what is to be changed with it. Valid until its `transact` ends. */
export interface StoreTransaction {
  /** Occupations and downtimes that end after `sinceMs`. */
  read(sinceMs: number): StockData;
  find(key: BookingKey): Booking | undefined;
  /** Newest first. */
  bookings(filter: { readonly deviceIds?: readonly string[]; readonly limit: number }): readonly Booking[];
  /** Takes technicians and parts. Refuses who is taken already, whatever was read before. */
  insert(booking: Booking): void;
  /** Gives them back. */
  release(booking: Booking): void;
}

/**
 * Where parts, people, travel and bookings are kept. The embedded database is the default; a plant's own systems come behind the same
 * four functions.
 */
export interface MaintenanceStore {
  /**
   * Alone: no two transactions overlap, in this process or another. Kept when `work` returns, and then durable; nothing of it when it
   * throws. `work` does not wait for anything.
   */
  transact<T>(work: (transaction: StoreTransaction) => T): Promise<T>;
  /** Closing twice is fine. */
  close(): Promise<void>;
}
