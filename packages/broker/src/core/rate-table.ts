import { TokenBucket } from './token-bucket.ts';

const PERIOD_MS = { second: 1_000, minute: 60_000 } as const;

/** The same rate for each of many keys. Holds at most `maxKeys`; beyond that, keys that are at rest make room, and if none is, the oldest. */
export class RateTable {
  private readonly buckets = new Map<string, TokenBucket>();
  private readonly amount: number;
  private readonly periodMs: number;
  private readonly maxKeys: number;

  /** `amount` 0: no limit. */
  constructor(amount: number, per: keyof typeof PERIOD_MS, maxKeys = 10_000) {
    this.amount = amount;
    this.periodMs = PERIOD_MS[per];
    this.maxKeys = maxKeys;
  }

  tryTake(key: string, now: number): boolean {
    if (this.amount === 0) return true;
    let bucket = this.buckets.get(key);
    if (bucket === undefined) {
      if (this.buckets.size >= this.maxKeys) this.makeRoom(now);
      this.buckets.set(key, (bucket = new TokenBucket(this.amount, this.periodMs, now)));
    }
    return bucket.tryTake(now);
  }

  private makeRoom(now: number): void {
    for (const [key, bucket] of this.buckets) if (bucket.isFull(now)) this.buckets.delete(key);
    const oldest = this.buckets.keys().next();
    if (this.buckets.size >= this.maxKeys && oldest.done !== true) this.buckets.delete(oldest.value);
  }
}
