/** Time as this package needs it; tests pass their own. */
export interface Clock {
  /** Milliseconds on the clock of `InboundMessage.receivedAtMs`, which never jumps. */
  nowMs(): number;
  /** The wall clock, ISO 8601 with milliseconds and `Z`. */
  nowIso(): string;
  /** Returns what cancels the timer. */
  setTimer(callback: () => void, delayMs: number): () => void;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  nowIso: () => new Date().toISOString(),
  setTimer: (callback, delayMs) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
