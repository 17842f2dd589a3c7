import { DeviceAgentError } from '../errors.ts';
import { evaluatePump, type PumpEvaluation } from '../core/evaluation/pump.ts';
import { parsePumpCsv } from '../core/evaluation/recording.ts';
import { listFiles, readText } from './files.ts';

/** Every labelled CSV below the folder, by the protocol of the Skoltech Anomaly Benchmark. */
export function evaluatePumpFolder(folder: string): PumpEvaluation {
  const recordings = listFiles(folder, '.csv').map((file) => parsePumpCsv(file, readText(folder, file)));
  if (!recordings.some((recording) => recording.anomaly !== undefined)) {
    throw new DeviceAgentError('invalid-recording', `${folder} has no CSV file with an "anomaly" column`);
  }
  // Once for the just-in-time compiler: an agent runs for months, not for the first ten thousand samples.
  evaluatePump(recordings);
  return evaluatePump(recordings, { nowMs: cpuMs });
}

/** CPU time of this process: what a sample costs, also on a machine that is busy with other things. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

export function describePump(result: PumpEvaluation): string {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`.padStart(8);
  const line = (
    name: string,
    m: { f1: number; falseAlarmRate: number; missedAlarmRate: number; samples: number },
  ) =>
    `${name.padEnd(24)} ${m.f1.toFixed(3)}  ${percent(m.falseAlarmRate)}  ${percent(m.missedAlarmRate)}  ${String(m.samples).padStart(6)}`;
  return [
    `${'file'.padEnd(24)} F1     false alm.  missed    samples`,
    ...result.files.map((file) => line(file.file, file)),
    line('all files pooled', result),
    `${result.microsecondsPerSample.toFixed(1)} µs per sample`,
  ].join('\n');
}
