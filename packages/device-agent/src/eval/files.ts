import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DeviceAgentError } from '../errors.ts';

const REPOSITORY = fileURLToPath(new URL('../../../..', import.meta.url));

/** Folder of recordings: `SHOAL_DATA`, then `../shared/data` beside the repository. Undefined when neither exists. */
export function findDataFolder(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const folder = environment['SHOAL_DATA'] ?? resolve(REPOSITORY, '../shared/data');
  return isFolder(folder) ? folder : undefined;
}

/** `explicit`, or the sub-folder of the data folder; throws `usage` saying where it looked. */
export function requireDataFolder(explicit: string | undefined, subfolder: string): string {
  const data = findDataFolder();
  const found = explicit ?? (data === undefined ? undefined : join(data, subfolder));
  if (found !== undefined && isFolder(found)) return found;
  throw new DeviceAgentError(
    'usage',
    explicit === undefined
      ? `no recordings: pass --data DIR, or set SHOAL_DATA to a folder with ${subfolder}/`
      : `--data ${explicit} is not a folder`,
  );
}

/** All files below the folder whose name ends so, sorted, as paths relative to it. */
export function listFiles(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

export function readText(folder: string, file: string): string {
  return readFileSync(join(folder, file), 'utf8');
}

/** Little-endian float32, whatever the machine. */
export function readFloat32(folder: string, file: string): Float32Array {
  const bytes = readFileSync(join(folder, file));
  const samples = new Float32Array(Math.floor(bytes.length / 4));
  for (let i = 0; i < samples.length; i++) samples[i] = bytes.readFloatLE(i * 4);
  return samples;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
