/** The manifest of the bearing recordings. Pure. */
import { DeviceSimError } from './errors.ts';
import type { Bearing } from './source.ts';

export type WaveformLabel = 'normal' | 'inner-race' | 'outer-race' | 'ball';

export interface WaveformEntry {
  readonly file: string;
  readonly label: string;
  readonly shaftRpm: number;
  readonly sampleRateHz: number;
  readonly samples: number;
  readonly faultDiameterInch: number | null;
}

export interface WaveformManifest {
  readonly bearing: Bearing;
  readonly recordings: readonly WaveformEntry[];
}

/** A recording with its samples. */
export interface RecordedWaveform {
  readonly entry: WaveformEntry;
  readonly samples: Float32Array;
}

/** Throws `manifest-malformed` naming the field. */
export function parseWaveformManifest(text: string): WaveformManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw malformed(`not JSON: ${(error as Error).message}`);
  }
  const root = object(value, 'the manifest');
  const orders = object(root['orders'], 'orders');
  if (typeof root['bearing'] !== 'string') throw malformed('bearing must be a text');
  if (!Array.isArray(root['recordings'])) throw malformed('recordings must be a list');
  return {
    bearing: {
      designation: root['bearing'],
      bpfo: positive(orders['bpfo'], 'orders.bpfo'),
      bpfi: positive(orders['bpfi'], 'orders.bpfi'),
      bsf: positive(orders['bsf'], 'orders.bsf'),
      ftf: positive(orders['ftf'], 'orders.ftf'),
    },
    recordings: root['recordings'].map((entry: unknown, index) => parseEntry(entry, `recordings[${index}]`)),
  };
}

function parseEntry(value: unknown, field: string): WaveformEntry {
  const entry = object(value, field);
  const { file, label, faultDiameterInch } = entry;
  if (typeof file !== 'string' || !/^[\w.-]+$/.test(file))
    throw malformed(`${field}.file must be a file name`);
  if (typeof label !== 'string') throw malformed(`${field}.label must be a text`);
  return {
    file,
    label,
    shaftRpm: positive(entry['shaftRpm'], `${field}.shaftRpm`),
    sampleRateHz: positive(entry['sampleRateHz'], `${field}.sampleRateHz`),
    samples: positive(entry['samples'], `${field}.samples`),
    faultDiameterInch: typeof faultDiameterInch === 'number' ? faultDiameterInch : null,
  };
}

/**
 * The healthy recording and one with the fault: at the same speed where there is one, with the smallest defect, so that nothing is
 * made easier than the data allow. Undefined when either is missing.
 */
export function chooseWaveforms(
  manifest: WaveformManifest,
  label: WaveformLabel,
): { readonly healthy: WaveformEntry; readonly faulty: WaveformEntry } | undefined {
  const healthy = manifest.recordings.find((entry) => entry.label === 'normal');
  if (healthy === undefined) return undefined;
  const faulty = manifest.recordings
    .filter((entry) => entry.label === label)
    .sort((a, b) => {
      const speed = Math.abs(a.shaftRpm - healthy.shaftRpm) - Math.abs(b.shaftRpm - healthy.shaftRpm);
      return speed !== 0 ? speed : (a.faultDiameterInch ?? 0) - (b.faultDiameterInch ?? 0);
    })[0];
  return faulty === undefined ? undefined : { healthy, faulty };
}

/** Little-endian float32; throws `manifest-malformed` when the length is not as announced. */
export function decodeWaveform(bytes: Uint8Array, entry: WaveformEntry): RecordedWaveform {
  if (bytes.byteLength !== entry.samples * 4) {
    throw malformed(
      `${entry.file} has ${bytes.byteLength} bytes; ${entry.samples} samples are ${entry.samples * 4}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const samples = new Float32Array(entry.samples);
  for (let index = 0; index < samples.length; index += 1) samples[index] = view.getFloat32(index * 4, true);
  return { entry, samples };
}

function object(value: unknown, field: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw malformed(`${field} must be an object`);
}

function positive(value: unknown, field: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw malformed(`${field} must be a positive number`);
}

function malformed(message: string): DeviceSimError {
  return new DeviceSimError('manifest-malformed', message);
}
