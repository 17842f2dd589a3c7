import type { Stake } from '../core/stake.ts';

/** Something that waits for the batch being collected now to be on disk. */
export interface CommitWaiter {
  /** Everything of batches up to `epoch` is on disk, or not worth waiting for; or a stake is settled. */
  committed(epoch: number): void;
}

/** Tells whether packets that depend on the store must wait. */
export interface CommitGate {
  /** Number of the batch that is being collected. */
  readonly epoch: number;
  /** True when all that was recorded so far is on disk. */
  isClean(): boolean;
  /** True when so much waits to be written that reading must stop; `join` tells when to look again. */
  isFull(): boolean;
  /** With a stake, the waiter is called also when that is settled before the batch is written. */
  join(waiter: CommitWaiter, stake?: Stake): void;
}

/** Without a store nothing waits. */
export const openGate: CommitGate = {
  epoch: 0,
  isClean: () => true,
  isFull: () => false,
  join: () => undefined,
};
