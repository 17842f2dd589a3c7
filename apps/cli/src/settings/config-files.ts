import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { usageError } from '../errors.ts';
import type { ConfigFile } from './schema.ts';

export interface LoadedConfig {
  readonly path: string;
  readonly values: ConfigFile;
}

const PROJECT_FILE = 'shoal.config.json';

/** The configuration files that count, the strongest first. Throws CliError `usage` for one that cannot be used. */
export async function loadConfigs(
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): Promise<readonly LoadedConfig[]> {
  const named = given ?? env['SHOAL_CONFIG'];
  const project = named === undefined ? await findUpwards(cwd) : resolve(cwd, named);
  const home =
    env['XDG_CONFIG_HOME'] ?? (env['HOME'] === undefined ? undefined : join(env['HOME'], '.config'));
  const user = home === undefined ? undefined : join(home, 'shoal', 'config.json');
  const loaded: LoadedConfig[] = [];
  if (project !== undefined) loaded.push({ path: project, values: await load(project) });
  if (user !== undefined && (await exists(user))) loaded.push({ path: user, values: await load(user) });
  return loaded;
}

async function findUpwards(from: string): Promise<string | undefined> {
  const path = join(from, PROJECT_FILE);
  if (await exists(path)) return path;
  const parent = dirname(from);
  return parent === from ? undefined : findUpwards(parent);
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function load(path: string): Promise<ConfigFile> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw usageError(`${path}: ${why}`, 'invalid-config');
  }
  // Only those who have such a file pay for its schema.
  const { complaintAbout } = await import('./schema.ts');
  const complaint = complaintAbout(value);
  if (complaint !== undefined) throw usageError(`${path}: ${complaint}`, 'invalid-config');
  return withAbsolutePaths(value as ConfigFile, dirname(path));
}

function withAbsolutePaths(values: ConfigFile, folder: string): ConfigFile {
  const absolute = { ...values };
  for (const field of ['passwordFile', 'caFile', 'certFile', 'keyFile'] as const) {
    const path = values[field];
    if (path !== undefined) absolute[field] = resolve(folder, path);
  }
  return absolute;
}
