import {
  evaluateBearing,
  type BearingEvaluation,
  type BearingRecording,
} from '../core/evaluation/bearing.ts';
import type { BearingOrders } from '../core/vibration/diagnose.ts';
import { DeviceAgentError } from '../errors.ts';
import { readFloat32, readText } from './files.ts';

/** Recordings as `manifest.json` in the folder lists them; orders may be given once or per recording. */
export function readBearingFolder(folder: string): BearingRecording[] {
  const manifest = parseManifest(readText(folder, 'manifest.json'));
  const recordings = manifest['recordings'];
  if (!Array.isArray(recordings)) throw invalid('recordings must be an array');
  return recordings.map((entry: unknown, index) => {
    const fields = object(entry, `recordings/${index}`);
    const orders = fields['orders'] ?? manifest['orders'];
    const file = text(fields, 'file', index);
    return {
      file,
      label: text(fields, 'label', index),
      sampleRateHz: positive(fields, 'sampleRateHz', `recordings/${index}`),
      shaftRpm: positive(fields, 'shaftRpm', `recordings/${index}`),
      orders: parseOrders(orders, fields['orders'] === undefined ? 'orders' : `recordings/${index}/orders`),
      samples: readFloat32(folder, file),
    };
  });
}

export function evaluateBearingFolder(folder: string): BearingEvaluation {
  return evaluateBearing(readBearingFolder(folder), { nowMs: () => performance.now() });
}

export function describeBearing(result: BearingEvaluation): string {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  const counts = (record: Readonly<Record<string, number>>) =>
    Object.entries(record)
      .map(([verdict, count]) => `${verdict} ${count}`)
      .join(', ');
  const matrix = (name: string, metrics: BearingEvaluation['byWindow']) => [
    `${name}: ${metrics.cases} cases, wrong name ${percent(metrics.wrongNameRate)}, healthy called faulty ${percent(metrics.healthyCalledFaultyRate)}`,
    ...Object.entries(metrics.confusion).map(
      ([label, row]) =>
        `  ${label.padEnd(12)} right ${percent(metrics.recall[label] ?? 0).padStart(7)}   ${counts(row)}`,
    ),
  ];
  return [
    ...result.recordings.map(
      ({ file, label, verdict, confidence, windows }) =>
        `${file.padEnd(26)} ${label.padEnd(11)} ${verdict.padEnd(11)} ${confidence.toFixed(2)}   windows: ${counts(windows)}`,
    ),
    ...matrix('by window', result.byWindow),
    ...matrix('by recording', result.byRecording),
    `${result.millisecondsPerWindow.toFixed(0)} ms per window`,
  ].join('\n');
}

function parseManifest(json: string): Record<string, unknown> {
  try {
    return object(JSON.parse(json), 'the document');
  } catch (cause) {
    if (cause instanceof DeviceAgentError) throw cause;
    throw new DeviceAgentError('invalid-recording', 'manifest.json is not JSON', { cause });
  }
}

function parseOrders(value: unknown, where: string): BearingOrders {
  const orders = object(value, where);
  return {
    bpfi: positive(orders, 'bpfi', where),
    bpfo: positive(orders, 'bpfo', where),
    bsf: positive(orders, 'bsf', where),
    ftf: positive(orders, 'ftf', where),
  };
}

function object(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(`${where} must be an object`);
  return value as Record<string, unknown>;
}

function text(fields: Record<string, unknown>, name: string, index: number): string {
  const value = fields[name];
  if (typeof value !== 'string') throw invalid(`recordings/${index}/${name} must be a string`);
  return value;
}

function positive(fields: Record<string, unknown>, name: string, where: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !(value > 0)) throw invalid(`${where}/${name} must be a number above 0`);
  return value;
}

function invalid(message: string): DeviceAgentError {
  return new DeviceAgentError('invalid-recording', `manifest.json: ${message}`);
}
