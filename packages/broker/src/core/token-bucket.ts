/** A rate with a burst of one period: `take` may go below zero, and then time has to pass. */
export class TokenBucket {
  private readonly perMs: number;
  private readonly size: number;
  private tokens: number;
  private atMs: number;

  /** `amount` tokens per `periodMs`; it starts full. */
  constructor(amount: number, periodMs: number, now: number) {
    this.perMs = amount / periodMs;
    this.size = amount;
    this.tokens = amount;
    this.atMs = now;
  }

  private refill(now: number): void {
    // A clock that was set back costs nobody tokens.
    if (now > this.atMs) this.tokens = Math.min(this.size, this.tokens + (now - this.atMs) * this.perMs);
    this.atMs = now;
  }

  /** True and one token less; false and unchanged when there is none. */
  tryTake(now: number): boolean {
    this.refill(now);
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }

  /** Takes in any case; returns the milliseconds until the debt is paid, 0 when there is none. */
  take(amount: number, now: number): number {
    this.refill(now);
    this.tokens -= amount;
    return this.tokens >= 0 ? 0 : Math.ceil(-this.tokens / this.perMs);
  }

  /** Nothing was taken for at least one period: as good as new. */
  isFull(now: number): boolean {
    this.refill(now);
    return this.tokens >= this.size;
  }
}
