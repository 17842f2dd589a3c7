/**
 * A bound on starts a second for everything that this supervisor starts: a storm of deaths must not become a storm of births. Those
 * that must wait go in order.
 */
export class SpawnGate {
  readonly #perSecond: number;
  readonly #now: () => number;
  #nextFreeMs = 0;

  /** `now` in milliseconds, on a clock that does not jump. */
  constructor(perSecond: number, now: () => number) {
    this.#perSecond = perSecond;
    this.#now = now;
  }

  /** Milliseconds that this start has to wait; its place is taken. A burst of one second's worth passes at once. */
  take(): number {
    const now = this.#now();
    const gapMs = 1000 / this.#perSecond;
    this.#nextFreeMs = Math.max(this.#nextFreeMs, now - 1000) + gapMs;
    return Math.max(0, this.#nextFreeMs - now);
  }
}
