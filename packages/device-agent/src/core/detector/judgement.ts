/** A channel that speaks for the anomaly. */
export interface Contribution {
  readonly channel: string;
  /** Smoothed level now, in the unit of the channel. */
  readonly level: number;
  /** What the level should be, given the other channels. */
  readonly expected: number;
  /** Where the level lies while nothing is wrong. */
  readonly normalRange: readonly [low: number, high: number];
  /** Distance from what is expected, signed; ±1 is the threshold. */
  readonly deviation: number;
  /** When this channel began to leave its typical level (change point), milliseconds since 1970; null when it is at it. */
  readonly sinceMs: number | null;
}

export interface SensorFault {
  readonly channel: string;
  readonly fault: 'missing' | 'stuck';
  readonly sinceMs: number;
}

/** A channel that left what was learned so slowly that the baseline followed it. */
export interface Drift {
  readonly channel: string;
  /** Typical level when it was learned, and now. */
  readonly learned: number;
  readonly now: number;
  /** Distance, signed; ±1 is the threshold for a sudden change. */
  readonly deviation: number;
  readonly sinceMs: number;
}

export interface Judgement {
  readonly phase: 'learning' | 'judging';
  /** Largest deviation of a channel; 1 is the threshold. 0 while learning. */
  readonly score: number;
  readonly anomalous: boolean;
  /** Start of the excursion that made the sample anomalous, milliseconds since 1970. */
  readonly sinceMs: number | null;
  /** Samples since then. A drift grows over many, a break over few. */
  readonly risingSamples: number;
  /** Strongest first; empty unless anomalous. */
  readonly contributions: readonly Contribution[];
  /** A broken sensor is no anomaly of the machine: it is reported here and left out of the score. */
  readonly sensorFaults: readonly SensorFault[];
  /** Nor is a slow drift, until it is found out whether the sensor or the machine changed. Strongest first. */
  readonly drifts: readonly Drift[];
}
