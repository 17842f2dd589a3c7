const LINGER_MS = 1;
const MOST_SKIPPED = 64;

/**
 * Whether to give clients a moment to acknowledge messages that would otherwise be written and deleted again. When they do not make use
 * of it, because they are far away or busy, it is tried less and less often.
 */
export class Linger {
  private timer: NodeJS.Timeout | undefined;
  private isOver = false;
  private skip = 0;
  private skipNext = 1;
  private readonly over: () => void;

  constructor(over: () => void) {
    this.over = over;
  }

  /** False: write now. True: `over` is called after the moment. */
  wait(): boolean {
    if (this.isOver) return false;
    if (this.timer !== undefined) return true;
    if (this.skip > 0) {
      this.skip--;
      return false;
    }
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.isOver = true;
      this.over();
    }, LINGER_MS);
    return true;
  }

  /** The batch is written now, or gone; `paid` when waiting spared more than there is left. */
  end(paid: boolean): void {
    if (paid) this.skipNext = 1;
    else if (this.isOver) {
      this.skip = this.skipNext;
      this.skipNext = Math.min(this.skipNext * 2, MOST_SKIPPED);
    }
    clearTimeout(this.timer);
    this.timer = undefined;
    this.isOver = false;
  }
}
