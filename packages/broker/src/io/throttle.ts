import { TokenBucket } from '../core/token-bucket.ts';

export interface ThrottleLimits {
  /** 0: any. */
  readonly maxPublishesPerSecond: number;
  /** 0: any. */
  readonly maxBytesPerSecond: number;
}

/** How fast one client may send. Who is faster is read from more slowly; nothing is lost. */
export class Throttle {
  private readonly publishes: TokenBucket | undefined;
  private readonly bytes: TokenBucket | undefined;

  private constructor(limits: ThrottleLimits, now: number) {
    const { maxPublishesPerSecond, maxBytesPerSecond } = limits;
    this.publishes =
      maxPublishesPerSecond === 0 ? undefined : new TokenBucket(maxPublishesPerSecond, 1_000, now);
    this.bytes = maxBytesPerSecond === 0 ? undefined : new TokenBucket(maxBytesPerSecond, 1_000, now);
  }

  /** Undefined when there is no limit. */
  static create(limits: ThrottleLimits, now: number): Throttle | undefined {
    if (limits.maxPublishesPerSecond === 0 && limits.maxBytesPerSecond === 0) return undefined;
    return new Throttle(limits, now);
  }

  /** Milliseconds during which nothing more is to be read. */
  count(publishes: number, bytes: number, now: number): number {
    return Math.max(this.publishes?.take(publishes, now) ?? 0, this.bytes?.take(bytes, now) ?? 0);
  }
}
