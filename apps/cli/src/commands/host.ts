import { availableParallelism, hostname } from 'node:os';
import { resolve } from 'node:path';
import { isIdentifier } from '@shoal/protocol';
import { createHost, type Host } from '@shoal/supervisor';
import { credentialsOf } from '../connection/connect.ts';
import { contextLogger, untilStopped } from '../connection/log.ts';
import { loadBlueprints, type Blueprints } from '../connection/modules.ts';
import { CliError, usageError } from '../errors.ts';
import type { Context } from '../program/context.ts';
import { implement } from '../program/leaf.ts';
import type { HostEvent, HostRan } from '../shapes/hosts.ts';
import { LOCAL_SPAWNERS, readSpawner, spawnerOf, type SpawnerChoice } from './spawner.ts';
import { wholeNumber } from './whole-number.ts';

interface HostFlags {
  readonly id?: string;
  readonly label?: readonly string[];
  readonly capacity?: string;
  readonly warm?: string;
  readonly drain?: string;
  readonly blueprints?: string;
  readonly spawner?: string;
}

/** Places on each core. */
const PLACES = 25;
const DEFAULT_DRAIN_SECONDS = 30;

/** Takes spawn orders of the supervisors of a unit. Told to stop, it takes no more and waits for what runs. */
export const host = implement<HostRan>({
  async run(context, _args, given) {
    const plan = planOf(context, given);
    const { org, unit } = plan;
    const choice = await readSpawner(plan.spawnerFolder, plan.spawner, LOCAL_SPAWNERS);
    const loaded = await loadBlueprints(plan.module);
    const blueprints = idsOf(choice, loaded);
    if (blueprints.length === 0)
      throw usageError(
        'there is nothing to start: give --blueprints, a module with `blueprints` or `agents`',
      );
    const logger = contextLogger(context);
    const spawner = await spawnerOf(context, choice, plan.module, loaded, plan);
    const running = createHost({
      ...(await credentialsOf(context.io, context.settings)),
      org,
      unit,
      hostId: plan.id,
      labels: plan.labels,
      capacity: plan.capacity,
      blueprints,
      spawner,
      logger,
    });
    await context.waiting(`connecting to ${context.settings.url}`, running.start());
    context.atEnd(() => running.stop());
    const tell = (event: HostEvent['event'], text: string): void =>
      context.tell(text, { event, hostId: plan.id, org, unit, running: running.running } satisfies HostEvent);
    tell('ready', `host ${plan.id} takes orders of ${org}/${unit}, ${plan.capacity} at once`);
    const ended = await Promise.race([running.ended, untilStopped(context).then(() => 'stopped' as const)]);
    if (ended === 'evicted')
      throw new CliError(
        'unreachable',
        `another client took over the id of host ${plan.id}: give each its --id`,
        {
          code: 'evicted',
        },
      );
    tell('draining', `takes no more orders; ${running.running} run, for at most ${plan.drainSeconds} s`);
    return { org, unit, hostId: plan.id, labels: plan.labels, ...(await drain(running, plan.drainSeconds)) };
  },
  text: ({ drained, left }) => (drained ? 'all that ran has ended\n' : `${left} still run, and go on\n`),
});

async function drain(running: Host, seconds: number): Promise<Pick<HostRan, 'drained' | 'left'>> {
  const drained = await running.drain({ withinMs: seconds * 1000 });
  return { drained, left: running.running };
}

/** Flags win over `host` of the configuration file, whose paths start at its folder. */
function planOf({ io, settings }: Context, flags: HostFlags) {
  const { org, unit, host: file, configPath } = settings;
  if (org === undefined || unit === undefined)
    throw usageError('a host belongs to one unit: say --org and --unit');
  const folder = configPath === undefined ? io.cwd : resolve(configPath, '..');
  const configured = file.blueprints === undefined ? undefined : resolve(folder, file.blueprints);
  const module = flags.blueprints === undefined ? configured : resolve(io.cwd, flags.blueprints);
  const id: string = flags.id ?? file.id ?? hostname();
  if (!isIdentifier(id))
    throw usageError(`--id takes letters, digits, "_", "." and "-", not "${String(id)}"`);
  return {
    org,
    unit,
    id,
    module,
    spawner: flags.spawner ?? file.spawner ?? 'process',
    spawnerFolder: flags.spawner === undefined ? folder : io.cwd,
    labels: flags.label === undefined ? (file.labels ?? {}) : Object.fromEntries(flags.label.map(readLabel)),
    capacity:
      wholeNumber('--capacity', flags.capacity, 1, 100_000) ??
      file.capacity ??
      PLACES * availableParallelism(),
    warm: wholeNumber('--warm', flags.warm, 0, 1_000) ?? file.warm ?? 0,
    drainSeconds:
      wholeNumber('--drain', flags.drain, 0, 86_400) ?? file.drainSeconds ?? DEFAULT_DRAIN_SECONDS,
  };
}

/** What it offers to start: what its modules name, each once. */
function idsOf(choice: SpawnerChoice, { blueprints, agents }: Blueprints): readonly string[] {
  const own = [...blueprints, ...agents].map(({ id }) => id);
  return 'module' in choice
    ? [...new Set([...own, ...choice.module.blueprints, ...choice.module.agents])]
    : own;
}

function readLabel(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw usageError(`--label takes NAME=VALUE, not "${text}"`);
  return [text.slice(0, at), text.slice(at + 1)];
}
