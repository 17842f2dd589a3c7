/** Time as this package needs it; tests pass their own. */
export interface Clock {
  /** Milliseconds on the clock of `InboundMessage.receivedAtMs`, which never jumps. */
  nowMs(): number;
  /** The wall clock, ISO 8601 with milliseconds and `Z`. */
  nowIso(): string;
  /** Returns what cancels the timer. */
  setTimer(callback: () => void, delayMs: number): () => void;
}

let isoAtMs = Number.NaN;
let iso = '';

/** Formatting a date costs more than all else that a task does with time; within one millisecond it is the same text. */
function isoNow(): string {
  const nowMs = Date.now();
  if (nowMs !== isoAtMs) {
    isoAtMs = nowMs;
    iso = new Date(nowMs).toISOString();
  }
  return iso;
}

/** `performance.now` for spans of time, the wall clock for times in records, `setTimeout` for timers. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  nowIso: isoNow,
  setTimer: (callback, delayMs) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
