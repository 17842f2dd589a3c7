import { resolve } from 'node:path';
import { createBroker } from '@shoal/broker';
import { startDeviceAgent } from '@shoal/device-agent';
import { createScenario, startDevice } from '@shoal/device-sim';
import { createSupervisor, inProcessSpawner } from '@shoal/supervisor';
import { contextLogger, untilStopped } from '../connection/log.ts';
import { loadBlueprints, loadWorkflows } from '../connection/modules.ts';
import { CliError } from '../errors.ts';
import { formatFields } from '../output/table.ts';
import type { Context } from '../program/context.ts';
import { implement } from '../program/leaf.ts';
import { wholeNumber } from './whole-number.ts';

interface DevFlags {
  readonly devices?: string;
  readonly port?: string;
  readonly wsPort?: string;
  readonly data?: string;
  readonly workflow?: readonly string[];
  readonly blueprints?: string;
  readonly speed?: string;
}

const DEFAULT_DEVICES = 4;

/** All of a small fleet in this process: a broker on loopback, devices with an agent each, and a supervisor for the workflows of a project. */
export const dev = implement<{ readonly url: string }>({
  async run(context, _args, given) {
    const plan = planOf(context, given);
    const { org = 'acme', unit = 'plant-1' } = context.settings;
    const workflows = await loadWorkflows(plan.workflows);
    const { blueprints, agents } = await loadBlueprints(plan.blueprints);
    const url = await startBroker(context, plan);
    await startFleet(context, url, org, unit, plan);
    if (workflows.length > 0 || agents.length > 0) {
      const logger = contextLogger(context);
      const supervisor = createSupervisor({
        url,
        org,
        unit,
        workflows,
        agentBlueprints: agents.map(({ id }) => id),
        spawner: inProcessSpawner({ url, blueprints, agents, logger }),
        logger,
      });
      await supervisor.start();
      context.atEnd(() => supervisor.stop());
    }
    const names = workflows.map(({ id }) => id).join(', ');
    context.tell(
      formatFields(
        [
          ['broker', url],
          ['unit', `${org}/${unit}`],
          ['devices', plan.devices === 0 ? 'none' : `${plan.devices}, each with an agent`],
          ['workflows', names === '' ? 'none' : names],
          ['try', `shoal agents list --broker ${url}`],
          ['stop', 'Ctrl-C'],
        ],
        context.style,
      ).trimEnd(),
      { url },
    );
    await untilStopped(context);
    return { url };
  },
  text: () => '',
});

interface Plan {
  readonly devices: number;
  readonly port: number;
  readonly wsPort: number | undefined;
  readonly data: string | undefined;
  readonly workflows: readonly string[];
  readonly blueprints: string | undefined;
  readonly speed: number;
}

/** Flags win over `dev` of the project's file, whose paths start at its folder. */
function planOf({ io, settings }: Context, flags: DevFlags): Plan {
  const { dev: file, configPath } = settings;
  const folder = configPath === undefined ? io.cwd : resolve(configPath, '..');
  const path = (flag: string | undefined, configured: string | undefined): string | undefined =>
    flag === undefined ? configured && resolve(folder, configured) : resolve(io.cwd, flag);
  return {
    devices: wholeNumber('--devices', flags.devices, 0, 200) ?? file.devices ?? DEFAULT_DEVICES,
    port: wholeNumber('--port', flags.port, 0, 65_535) ?? file.port ?? 1883,
    wsPort: wholeNumber('--ws-port', flags.wsPort, 0, 65_535) ?? file.wsPort,
    data: path(flags.data, file.data),
    workflows:
      flags.workflow?.map((one) => resolve(io.cwd, one)) ??
      file.workflows?.map((one) => resolve(folder, one)) ??
      [],
    blueprints: path(flags.blueprints, file.blueprints),
    speed: wholeNumber('--speed', flags.speed, 1, 1_000) ?? 1,
  };
}

async function startBroker(context: Context, { port, wsPort, data }: Plan): Promise<string> {
  const broker = createBroker({
    // Everyone on this machine, and nobody else: it listens on loopback.
    allowAnonymous: true,
    listen: { tcp: { port }, ...(wsPort === undefined ? {} : { ws: { port: wsPort } }) },
    ...(data === undefined ? {} : { store: { directory: data } }),
    logger: contextLogger(context),
  });
  try {
    const { tcp } = await broker.start();
    context.atEnd(() => broker.stop());
    return tcp?.url ?? '';
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError('failed', `${why}; is a broker running already? Take --port 0 for a free one`, {
      code: 'listen-failed',
      cause,
    });
  }
}

async function startFleet(
  context: Context,
  url: string,
  org: string,
  unit: string,
  { devices, speed }: Plan,
): Promise<void> {
  if (devices === 0) return;
  const logger = contextLogger(context);
  const scenario = await createScenario({ devices, site: unit });
  for (const { deviceId, source, type, name, site, area, relations } of scenario.devices) {
    const device = await startDevice({ url, org, unit, deviceId, source, speed, logger });
    context.atEnd(() => device.stop());
    const agent = await startDeviceAgent({
      url,
      org,
      unit,
      deviceId,
      deviceType: type,
      name,
      site,
      area,
      relations,
      // For whoever looks at what it keeps.
      stateIntervalMs: 1_000,
      logger,
    });
    context.atEnd(() => agent.stop());
  }
}
