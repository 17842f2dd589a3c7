/** Why reading is stopped; it goes on when no reason is left. */
export const Pause = { authenticating: 1, unwritten: 2, storeFull: 4, turn: 8, rate: 16 } as const;

/** What one client may send in one turn of the event loop before the others and the writers have theirs. */
const TURN_BYTES = 128 * 1024;

/** Stops and starts the reading of one connection. */
export class ReadGate {
  private reasons = 0;
  private turn = -1;
  private turnBytes = 0;
  private readonly stop: () => void;
  private readonly go: () => void;

  constructor(stop: () => void, go: () => void) {
    this.stop = stop;
    this.go = go;
  }

  isPausedFor(reason: number): boolean {
    return (this.reasons & reason) !== 0;
  }

  pause(reason: number): void {
    if (this.reasons === 0) this.stop();
    this.reasons |= reason;
  }

  resume(reason: number): void {
    if (!this.isPausedFor(reason)) return;
    this.reasons &= ~reason;
    if (this.reasons === 0) this.go();
  }

  /**
   * Counts what came in this turn of the event loop; true when it was enough, and reading is paused for `Pause.turn`. A flood from one
   * client must not keep the loop from writing: libuv alone would read up to 2 MB of it in one go.
   */
  count(bytes: number, turn: number): boolean {
    if (this.turn !== turn) {
      this.turn = turn;
      this.turnBytes = 0;
    }
    this.turnBytes += bytes;
    if (this.turnBytes < TURN_BYTES) return false;
    this.pause(Pause.turn);
    return true;
  }
}
