import { resolve } from 'node:path';
import { createSupervisor } from '@shoal/supervisor';
import { runSpawned } from '@shoal/workflow';
import { credentialsOf } from '../connection/connect.ts';
import { contextLogger, untilStopped } from '../connection/log.ts';
import { loadBlueprints, loadWorkflows } from '../connection/modules.ts';
import { CliError, usageError } from '../errors.ts';
import { implement } from '../program/leaf.ts';
import { readSpawner, spawnerOf, SPAWNERS } from './spawner.ts';

interface SupervisorFlags {
  readonly workflow?: readonly string[];
  readonly blueprints?: string;
  readonly spawner?: string;
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
    const choice = await readSpawner(cwd, flags.spawner ?? 'process', SPAWNERS);
    const blueprints = await loadBlueprints(path);
    const agents = [
      ...blueprints.agents.map(({ id }) => id),
      ...('module' in choice ? choice.module.agents : []),
    ];
    if (workflows.length === 0 && agents.length === 0)
      throw usageError('there is nothing to supervise: give --workflow, or --blueprints with agents');
    const logger = contextLogger(context);
    const running = createSupervisor({
      ...(await credentialsOf(context.io, context.settings)),
      org,
      unit,
      workflows,
      agentBlueprints: agents,
      spawner: await spawnerOf(context, choice, path, blueprints),
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

/** What `--spawner process` starts. Order and credentials come in its environment. */
export const spawned = implement<never>({
  async run(context, [module]) {
    return runSpawned({ ...(await loadBlueprints(module)), logger: contextLogger(context) });
  },
  text: () => '',
});
