import type { DetectorOptions } from '../detector/options.ts';
import { StreamingDetector } from '../detector/streaming-detector.ts';
import type { PumpRecording } from './recording.ts';

/** Counts of samples, the way SKAB counts them: each judged row is right or wrong on its own. */
export interface Confusion {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly trueNegatives: number;
  readonly falseNegatives: number;
}

export interface DetectionMetrics {
  readonly f1: number;
  /** False positives among normal samples, 0..1. */
  readonly falseAlarmRate: number;
  /** False negatives among anomalous samples, 0..1. */
  readonly missedAlarmRate: number;
  /** Judged samples. */
  readonly samples: number;
}

export interface PumpFileResult extends DetectionMetrics {
  readonly file: string;
}

export interface PumpEvaluation extends DetectionMetrics {
  readonly microsecondsPerSample: number;
  readonly files: readonly PumpFileResult[];
}

export interface PumpEvaluationOptions {
  readonly detector?: DetectorOptions;
  /** Milliseconds that only grow, wall or CPU time, for the time per sample. Without it that number is 0. */
  readonly nowMs?: () => number;
}

/**
 * SKAB's outlier protocol: per file a fresh detector learns on the first 400 rows and judges the rest; the counts of all
 * labelled files are pooled.
 */
export function evaluatePump(
  recordings: readonly PumpRecording[],
  options: PumpEvaluationOptions = {},
): PumpEvaluation {
  const nowMs = options.nowMs ?? (() => 0);
  let elapsedMs = 0;
  let pushed = 0;
  const files = recordings
    .filter((recording) => recording.anomaly !== undefined)
    .map((recording) => {
      const detector = new StreamingDetector(recording.channels, { learnSamples: 400, ...options.detector });
      const startMs = nowMs();
      const predicted = recording.rows.map((row, index) => {
        const judgement = detector.push(row, recording.atMs[index]!);
        return judgement.phase === 'judging' ? judgement.anomalous : undefined;
      });
      elapsedMs += nowMs() - startMs;
      pushed += predicted.length;
      return { file: recording.name, confusion: countConfusion(predicted, recording.anomaly!) };
    });
  return {
    ...metrics(sumConfusions(files.map(({ confusion }) => confusion))),
    microsecondsPerSample: pushed === 0 ? 0 : (elapsedMs * 1000) / pushed,
    files: files.map(({ file, confusion }) => ({ file, ...metrics(confusion) })),
  };
}

/** Rows whose prediction is undefined are not counted. */
export function countConfusion(
  predicted: readonly (boolean | undefined)[],
  actual: readonly boolean[],
): Confusion {
  const counts = { truePositives: 0, falsePositives: 0, trueNegatives: 0, falseNegatives: 0 };
  predicted.forEach((flag, index) => {
    if (flag === undefined) return;
    if (actual[index]) counts[flag ? 'truePositives' : 'falseNegatives']++;
    else counts[flag ? 'falsePositives' : 'trueNegatives']++;
  });
  return counts;
}

function sumConfusions(all: readonly Confusion[]): Confusion {
  const sum = { truePositives: 0, falsePositives: 0, trueNegatives: 0, falseNegatives: 0 };
  for (const one of all) for (const key of Object.keys(sum) as (keyof Confusion)[]) sum[key] += one[key];
  return sum;
}

function metrics(c: Confusion): DetectionMetrics {
  return {
    f1: ratio(2 * c.truePositives, 2 * c.truePositives + c.falsePositives + c.falseNegatives),
    falseAlarmRate: ratio(c.falsePositives, c.falsePositives + c.trueNegatives),
    missedAlarmRate: ratio(c.falseNegatives, c.falseNegatives + c.truePositives),
    samples: c.truePositives + c.falsePositives + c.trueNegatives + c.falseNegatives,
  };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
