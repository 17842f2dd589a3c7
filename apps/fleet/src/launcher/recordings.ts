import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findDataFolder, isDataFolder } from '@shoal/device-sim';
import { UsageError } from '../cli/options.ts';

/** The folder with recordings: the one asked for, else what the simulator finds; undefined when there is none. */
export function findRecordings(asked: string | undefined): string | undefined {
  if (asked === undefined) return findDataFolder(fileURLToPath(new URL('.', import.meta.url)));
  if (isDataFolder(asked)) return resolve(asked);
  throw new UsageError(`--data: ${asked} has no pump/ and bearing/manifest.json`);
}
