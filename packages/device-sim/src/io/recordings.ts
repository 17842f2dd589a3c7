import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { DeviceSimError } from '../core/errors.ts';
import { parseSkabCsv, type Recording } from '../core/skab-csv.ts';
import {
  decodeWaveform,
  parseWaveformManifest,
  type RecordedWaveform,
  type WaveformEntry,
  type WaveformManifest,
} from '../core/waveform-manifest.ts';

/**
 * The folder with `pump/` and `bearing/`: `SHOAL_DATA`, else `shared/data` beside the workspace that `from` lies in. Undefined when
 * there is none; throws `no-recording` when `SHOAL_DATA` names a folder without them, so that a typing error does not go unnoticed.
 */
export function findDataFolder(from: string = process.cwd()): string | undefined {
  const named = process.env['SHOAL_DATA'];
  if (named !== undefined && named !== '') {
    if (isDataFolder(named)) return resolve(named);
    throw new DeviceSimError(
      'no-recording',
      `SHOAL_DATA is ${named}, which has no pump/ and bearing/manifest.json`,
    );
  }
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'pnpm-workspace.yaml'))) {
      const beside = resolve(folder, '../shared/data');
      return isDataFolder(beside) ? beside : undefined;
    }
    if (dirname(folder) === folder) return undefined;
  }
}

/** Has `pump/` and `bearing/manifest.json`. */
export function isDataFolder(folder: string): boolean {
  return existsSync(join(folder, 'pump')) && existsSync(join(folder, 'bearing', 'manifest.json'));
}

/** Every table under `pump/`, in the order of their names. */
export async function readRecordings(dataFolder: string): Promise<Recording[]> {
  const root = join(dataFolder, 'pump');
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.csv'));
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Promise.all(paths.map((path) => readRecording(path, relative(dataFolder, path))));
}

/** Throws `csv-malformed`. `name` is used in messages and defaults to the path. */
export async function readRecording(path: string, name: string = path): Promise<Recording> {
  return parseSkabCsv(await readFile(path, 'utf8'), name);
}

/** `bearing/manifest.json` of the data folder. Rejects with `manifest-malformed`, or as reading the file does. */
export async function readWaveformManifest(dataFolder: string): Promise<WaveformManifest> {
  return parseWaveformManifest(await readFile(join(dataFolder, 'bearing', 'manifest.json'), 'utf8'));
}

/** One waveform that the manifest lists, in g. Rejects with `manifest-malformed`, or as reading the file does. */
export async function readWaveform(dataFolder: string, entry: WaveformEntry): Promise<RecordedWaveform> {
  return decodeWaveform(await readFile(join(dataFolder, 'bearing', entry.file)), entry);
}
