import type { Stake } from '../../core/stake.ts';
import type { CommitGate, CommitWaiter } from '../commit-gate.ts';
import { Batch } from './batch.ts';
import { Linger } from './linger.ts';
import type { Store } from './store.ts';

const FULL_BYTES = 32 * 1024 * 1024;

/**
 * Writes what is recorded in batches: while one batch is being written the next one collects, so that many
 * acknowledgements share one flush of the disk. A message that all its receivers have acknowledged before it was written needs no disk.
 */
export abstract class Committer implements CommitGate {
  epoch = 1;
  protected batch = new Batch();
  private readonly linger: Linger;
  private waiters = new Set<CommitWaiter>();
  /** Those of whom a stake is settled. */
  private settled = new Set<CommitWaiter>();
  private writtenEpoch = 0;
  private writing: Promise<void> | undefined;
  private store: Store | undefined;
  private readonly onFailure: (error: unknown) => void;
  protected readonly schedule: () => void;

  /** `schedule` must see to a call of `commit` in this turn of the event loop. */
  constructor(schedule: () => void, onFailure: (error: unknown) => void) {
    this.schedule = schedule;
    this.onFailure = onFailure;
    this.linger = new Linger(schedule);
  }

  /** Last additions to a batch that is written now. */
  protected abstract complete(batch: Batch): void;

  attach(store: Store): void {
    this.store = store;
  }

  isClean(): boolean {
    return this.batch.size === 0 && this.writing === undefined;
  }

  isFull(): boolean {
    return this.batch.bytes > FULL_BYTES;
  }

  join(waiter: CommitWaiter, stake?: Stake): void {
    this.waiters.add(waiter);
    if (stake !== undefined) {
      stake.onSettled = () => {
        this.settled.add(waiter);
        this.schedule();
      };
    }
    this.schedule();
  }

  commit(): void {
    if (this.settled.size > 0) {
      const { settled } = this;
      this.settled = new Set();
      for (const waiter of settled) waiter.committed(this.writtenEpoch);
    }
    if (this.writing !== undefined || this.store === undefined) return;
    const { batch } = this;
    if (batch.isSettled) this.release();
    const paid = batch.isSettled || batch.spared > batch.size;
    if (batch.size === 0) return this.linger.end(paid);
    if (!batch.isPromised && !this.isFull() && this.linger.wait()) return;
    this.linger.end(paid);
    this.startWriting(this.store);
  }

  /** Everyone who waits may go on: what they wait for is written, or need not be any more. */
  private release(): void {
    if (this.waiters.size === 0) return;
    const { waiters, epoch } = this;
    this.waiters = new Set();
    this.epoch++;
    this.writtenEpoch = epoch;
    for (const waiter of waiters) waiter.committed(epoch);
  }

  private startWriting(store: Store): void {
    const { batch, waiters, epoch } = this;
    this.complete(batch);
    this.batch = new Batch();
    this.waiters = new Set();
    this.epoch++;
    this.writing = this.write(store, batch, waiters, epoch);
  }

  private async write(
    store: Store,
    batch: Batch,
    waiters: ReadonlySet<CommitWaiter>,
    epoch: number,
  ): Promise<void> {
    try {
      await store.write(batch.changes());
    } catch (error) {
      // Nothing of this batch may be acknowledged any more, and nothing after it.
      this.store = undefined;
      this.onFailure(error);
      return;
    }
    this.writing = undefined;
    this.writtenEpoch = epoch;
    for (const waiter of waiters) waiter.committed(epoch);
    if (this.batch.size > 0 || this.waiters.size > 0) this.schedule();
  }

  /** Writes what is left. */
  async flush(): Promise<void> {
    this.linger.end(true);
    while (this.store !== undefined && (this.writing !== undefined || this.batch.size > 0)) {
      if (this.writing === undefined) this.startWriting(this.store);
      await this.writing;
    }
  }
}
