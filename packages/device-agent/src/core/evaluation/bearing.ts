import { diagnoseVibration, type BearingOrders, type VibrationVerdict } from '../vibration/diagnose.ts';

export interface BearingRecording {
  readonly file: string;
  /** `normal` or the name of a fault. */
  readonly label: string;
  readonly sampleRateHz: number;
  readonly shaftRpm: number;
  readonly orders: BearingOrders;
  readonly samples: Float32Array;
}

export interface BearingMetrics {
  readonly cases: number;
  /** Label to verdict to count. */
  readonly confusion: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Share of cases of that label with the right verdict (`normal` counts as right when healthy), 0..1. */
  readonly recall: Readonly<Record<string, number>>;
  /** Share of all cases that were given the name of a fault they do not have, 0..1. */
  readonly wrongNameRate: number;
  /** Share of normal cases that were given the name of a fault, 0..1. */
  readonly healthyCalledFaultyRate: number;
}

export interface BearingEvaluation {
  readonly byWindow: BearingMetrics;
  readonly byRecording: BearingMetrics;
  readonly millisecondsPerWindow: number;
  readonly recordings: readonly {
    readonly file: string;
    readonly label: string;
    readonly verdict: VibrationVerdict;
    readonly confidence: number;
    readonly windows: Readonly<Record<string, number>>;
  }[];
}

export interface BearingEvaluationOptions {
  /** Default 1. */
  readonly windowSeconds?: number;
  /** A monotonic clock in milliseconds. Without it the time per window is 0. */
  readonly nowMs?: () => number;
}

/** Diagnoses each recording as a whole and each of its windows (side by side, no overlap) on its own. */
export function evaluateBearing(
  recordings: readonly BearingRecording[],
  options: BearingEvaluationOptions = {},
): BearingEvaluation {
  const nowMs = options.nowMs ?? (() => 0);
  let elapsedMs = 0;
  const results = recordings.map((recording) => {
    const length = Math.round((options.windowSeconds ?? 1) * recording.sampleRateHz);
    const windows: VibrationVerdict[] = [];
    for (let from = 0; from + length <= recording.samples.length; from += length) {
      const startMs = nowMs();
      windows.push(diagnoseVibration(recording.samples.subarray(from, from + length), recording).verdict);
      elapsedMs += nowMs() - startMs;
    }
    return { recording, windows, whole: diagnoseVibration(recording.samples, recording) };
  });
  const windowCases = results.flatMap(({ recording, windows }) =>
    windows.map((verdict) => ({ label: recording.label, verdict })),
  );
  return {
    byWindow: bearingMetrics(windowCases),
    byRecording: bearingMetrics(
      results.map(({ recording, whole }) => ({ label: recording.label, verdict: whole.verdict })),
    ),
    millisecondsPerWindow: windowCases.length === 0 ? 0 : elapsedMs / windowCases.length,
    recordings: results.map(({ recording, windows, whole }) => ({
      file: recording.file,
      label: recording.label,
      verdict: whole.verdict,
      confidence: whole.confidence,
      windows: countBy(windows),
    })),
  };
}

interface Case {
  readonly label: string;
  readonly verdict: VibrationVerdict;
}

export function bearingMetrics(cases: readonly Case[]): BearingMetrics {
  const labels = [...new Set(cases.map(({ label }) => label))];
  const of = (label: string) => cases.filter((one) => one.label === label);
  return {
    cases: cases.length,
    confusion: Object.fromEntries(
      labels.map((label) => [label, countBy(of(label).map(({ verdict }) => verdict))]),
    ),
    recall: Object.fromEntries(labels.map((label) => [label, share(of(label), isRight)])),
    wrongNameRate: share(cases, (one) => namesFault(one) && !isRight(one)),
    healthyCalledFaultyRate: share(of('normal'), namesFault),
  };
}

function isRight({ label, verdict }: Case): boolean {
  return verdict === (label === 'normal' ? 'healthy' : label);
}

function namesFault({ verdict }: Case): boolean {
  return verdict !== 'healthy' && verdict !== 'unknown';
}

function share(cases: readonly Case[], predicate: (one: Case) => boolean): number {
  return cases.length === 0 ? 0 : cases.filter(predicate).length / cases.length;
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
