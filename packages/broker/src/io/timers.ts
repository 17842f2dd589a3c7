const LONGEST_MS = 2 ** 31 - 1;

/** One timer per client; far moments are reached in steps, since a timer cannot wait longer than 24.8 days. */
export class Timers {
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private readonly due: (clientId: string) => void;
  private readonly now: () => number;

  constructor(now: () => number, due: (clientId: string) => void) {
    this.now = now;
    this.due = due;
  }

  set(clientId: string, atMs: number | undefined): void {
    const known = this.timers.get(clientId);
    if (known !== undefined) clearTimeout(known);
    if (atMs === undefined) {
      this.timers.delete(clientId);
      return;
    }
    const wait = Math.min(Math.max(0, atMs - this.now()), LONGEST_MS);
    const timer = setTimeout(() => {
      this.timers.delete(clientId);
      if (this.now() < atMs) this.set(clientId, atMs);
      else this.due(clientId);
    }, wait);
    timer.unref();
    this.timers.set(clientId, timer);
  }

  clear(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }
}
