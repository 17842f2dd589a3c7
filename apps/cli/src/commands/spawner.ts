import { resolve } from 'node:path';
import {
  childProcessSpawner,
  inProcessSpawner,
  kindIssuer,
  openRemoteHosts,
  type Spawner,
} from '@shoal/supervisor';
import { credentialsOf } from '../connection/connect.ts';
import { contextLogger } from '../connection/log.ts';
import { loadSpawner, type Blueprints, type SpawnerModule } from '../connection/modules.ts';
import { usageError } from '../errors.ts';
import type { Context } from '../program/context.ts';

/** Where a host starts what it is told to. */
export const LOCAL_SPAWNERS = ['process', 'in-process'] as const;
/** ... and where a supervisor does. */
export const SPAWNERS = [...LOCAL_SPAWNERS, 'hosts'] as const;

/** One of the kinds, or a module that has a spawner of its own. */
export type SpawnerChoice = { readonly kind: (typeof SPAWNERS)[number] } | { readonly module: SpawnerModule };

/** `folder`: where a path starts. Throws CliError `usage` that names the kinds. */
export async function readSpawner(
  folder: string,
  given: string,
  kinds: readonly (typeof SPAWNERS)[number][],
): Promise<SpawnerChoice> {
  const kind = kinds.find((one) => one === given);
  if (kind !== undefined) return { kind };
  if (!/\.[cm]?[jt]s$/.test(given))
    throw usageError(
      `--spawner takes ${kinds.join(', ')}, or the path of a JavaScript module, not "${given}"`,
    );
  return { module: await loadSpawner(resolve(folder, given)) };
}

export interface SpawnerSize {
  /** Instances at once. Default: that of the spawner. */
  readonly capacity?: number;
  /** Processes that are started ahead. */
  readonly warm?: number;
}

/**
 * Each step and agent in a process of its own, which is this program in another role; all in this one, on the hosts of the unit, or where a
 * module says. It is stopped when the command ends.
 */
export async function spawnerOf(
  context: Context,
  choice: SpawnerChoice,
  module: string | undefined,
  blueprints: Blueprints,
  size: SpawnerSize = {},
): Promise<Spawner> {
  const spawner = await openSpawner(context, choice, module, blueprints, size);
  context.atEnd(() => spawner.stop());
  return spawner;
}

async function openSpawner(
  context: Context,
  choice: SpawnerChoice,
  module: string | undefined,
  { blueprints, agents }: Blueprints,
  { capacity, warm }: SpawnerSize,
): Promise<Spawner> {
  const { url, username, password, tls } = await credentialsOf(context.io, context.settings);
  const own = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
  const issuer = kindIssuer(context.io.env, own);
  const shared = {
    url,
    ...own,
    ...(issuer === undefined ? {} : { credentials: issuer }),
    ...(capacity === undefined ? {} : { maxRunning: capacity }),
  };
  const logger = contextLogger(context);
  if ('module' in choice) return choice.module.open({ ...shared, logger });
  if (choice.kind === 'hosts') {
    const { org = '', unit = '' } = context.settings;
    return openRemoteHosts({
      url,
      ...own,
      ...(tls === undefined ? {} : { tls }),
      org,
      unit,
      logger,
    });
  }
  if (choice.kind === 'in-process')
    return inProcessSpawner({ ...shared, ...(tls === undefined ? {} : { tls }), blueprints, agents, logger });
  if (tls !== undefined)
    throw usageError(
      '--spawner process hands on no certificates yet: use --spawner in-process with --ca, --cert or --insecure',
    );
  const main = process.argv[1];
  if (main === undefined) throw usageError('--spawner process needs to be started as a program');
  return childProcessSpawner({
    ...shared,
    command: process.execPath,
    args: [...process.execArgv, main, '__spawned', ...(module === undefined ? [] : [module])],
    // Ctrl-C stops this process; what it started goes on, and a supervisor finds it.
    detached: true,
    ...(warm === undefined ? {} : { warm }),
  });
}
