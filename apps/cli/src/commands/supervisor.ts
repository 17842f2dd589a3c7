import { resolve } from 'node:path';
import {
  childProcessSpawner,
  createSupervisor,
  inProcessSpawner,
  openRemoteHosts,
  type Spawner,
} from '@shoal/supervisor';
import { runSpawned } from '@shoal/workflow';
import { credentialsOf } from '../connection/connect.ts';
import { contextLogger, untilStopped } from '../connection/log.ts';
import { loadBlueprints, loadWorkflows, type Blueprints } from '../connection/modules.ts';
import { CliError, usageError } from '../errors.ts';
import type { Context } from '../program/context.ts';
import { implement } from '../program/leaf.ts';

type SpawnerKind = 'in-process' | 'process' | 'hosts';

interface SupervisorFlags {
  readonly workflow?: readonly string[];
  readonly blueprints?: string;
  readonly spawner?: SpawnerKind;
}

interface Ran {
  readonly ended: 'stopped' | 'evicted';
}

export const supervisor = implement<Ran>({
  async run(context, _args, given) {
    const flags = given as SupervisorFlags;
    const { org, unit } = context.settings;
    if (org === undefined || unit === undefined)
      throw usageError('a supervisor belongs to one unit: say --org and --unit');
    const { cwd } = context.io;
    const workflows = await loadWorkflows((flags.workflow ?? []).map((file) => resolve(cwd, file)));
    const path = flags.blueprints === undefined ? undefined : resolve(cwd, flags.blueprints);
    const blueprints = await loadBlueprints(path);
    if (workflows.length === 0 && blueprints.agents.length === 0)
      throw usageError('there is nothing to supervise: give --workflow, or --blueprints with agents');
    const logger = contextLogger(context);
    const running = createSupervisor({
      ...(await credentialsOf(context.io, context.settings)),
      org,
      unit,
      workflows,
      agentBlueprints: blueprints.agents.map(({ id }) => id),
      spawner: await spawnerOf(context, flags.spawner ?? 'process', path, blueprints),
      logger,
    });
    await context.waiting(`connecting to ${context.settings.url}`, running.start());
    context.atEnd(() => running.stop());
    context.note(
      `${running.supervisorId} answers for ${workflows.map(({ id }) => id).join(', ') || 'agents alone'} in ${org}/${unit}`,
    );
    const ended = await Promise.race([running.ended, untilStopped(context).then(() => 'stopped' as const)]);
    if (ended === 'evicted')
      throw new CliError('unreachable', 'another client took over the id of this supervisor', {
        code: 'evicted',
      });
    return { ended };
  },
  text: () => '',
});

/** Each step and agent in a process of its own, which is this program in another role; or all in this one. */
async function spawnerOf(
  context: Context,
  kind: SpawnerKind,
  module: string | undefined,
  { blueprints, agents }: Blueprints,
): Promise<Spawner> {
  const { url, username, password, tls } = await credentialsOf(context.io, context.settings);
  const { org = '', unit = '' } = context.settings;
  const who = {
    url,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
  const logger = contextLogger(context);
  if (kind === 'hosts') {
    const hosts = await openRemoteHosts({ ...who, ...(tls === undefined ? {} : { tls }), org, unit, logger });
    context.atEnd(() => hosts.stop());
    return hosts;
  }
  if (kind === 'in-process')
    return inProcessSpawner({ ...who, ...(tls === undefined ? {} : { tls }), blueprints, agents, logger });
  if (tls !== undefined)
    throw usageError(
      '--spawner process hands on no certificates yet: use --spawner in-process with --ca, --cert or --insecure',
    );
  const main = process.argv[1];
  if (main === undefined) throw usageError('--spawner process needs to be started as a program');
  return childProcessSpawner({
    ...who,
    command: process.execPath,
    args: [...process.execArgv, main, '__spawned', ...(module === undefined ? [] : [module])],
    // Ctrl-C stops this supervisor; what it started goes on, and another supervisor finds it.
    detached: true,
  });
}

/** What `--spawner process` starts. Order and credentials come in its environment. */
export const spawned = implement<never>({
  async run(context, [module]) {
    return runSpawned({ ...(await loadBlueprints(module)), logger: contextLogger(context) });
  },
  text: () => '',
});
