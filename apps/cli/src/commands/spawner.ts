import {
  childProcessSpawner,
  inProcessSpawner,
  kindIssuer,
  openRemoteHosts,
  type Spawner,
} from '@shoal/supervisor';
import { credentialsOf } from '../connection/connect.ts';
import { contextLogger } from '../connection/log.ts';
import type { Blueprints } from '../connection/modules.ts';
import { usageError } from '../errors.ts';
import type { Context } from '../program/context.ts';

/** Where a host starts what it is told to. */
export type LocalSpawner = 'in-process' | 'process';
/** ... and where a supervisor does. */
export type SpawnerKind = LocalSpawner | 'hosts';

export interface SpawnerSize {
  /** Instances at once. Default: that of the spawner. */
  readonly capacity?: number;
  /** Processes that are started ahead. */
  readonly warm?: number;
}

/** Each step and agent in a process of its own, which is this program in another role; all in this one, or on the hosts of the unit. */
export async function spawnerOf(
  context: Context,
  kind: SpawnerKind,
  module: string | undefined,
  { blueprints, agents }: Blueprints,
  { capacity, warm }: SpawnerSize = {},
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
  if (kind === 'hosts') {
    const { org = '', unit = '' } = context.settings;
    const hosts = await openRemoteHosts({
      url,
      ...own,
      ...(tls === undefined ? {} : { tls }),
      org,
      unit,
      logger,
    });
    context.atEnd(() => hosts.stop());
    return hosts;
  }
  if (kind === 'in-process')
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
