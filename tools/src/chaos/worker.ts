/** Every process of a chaos run: what it is, `SHOAL_CHAOS_ROLE` says. Its parent kills it without asking. */
import { appendFileSync } from 'node:fs';
import { createAgent, retainedTaskStore, type Agent } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import {
  childProcessSpawner,
  createHost,
  createSupervisor,
  inProcessSpawner,
  openRemoteHosts,
  spawnerGroup,
  type Spawner,
} from '@shoal/supervisor';
import { parseWorkflow, runSpawned, type AgentBlueprint } from '@shoal/workflow';
import { blueprintsOf } from '../shapes/blueprints.ts';
import { SCENARIOS, WANTED_AGENT, workflowsOf } from '../shapes/scenarios.ts';
import { ORG, ROLE_VARIABLE, UNIT, type EffectLine } from './run.ts';

const { env } = process;
const url = env['SHOAL_CHAOS_URL'] ?? '';

/** On the disk, since a process that is killed tells nobody else. One write per line: appended whole. */
function acted(effect: EffectLine): void {
  appendFileSync(env['SHOAL_CHAOS_EFFECTS'] ?? '', `${JSON.stringify(effect)}\n`);
}

function newDeviceAgent(agentId: string): Agent {
  return createAgent({
    url,
    org: ORG,
    unit: UNIT,
    agentId,
    tasks: retainedTaskStore(),
    card: {
      name: 'Pump',
      description: 'Turns.',
      skills: [{ id: 'turn', name: 'Turn', description: 'Turns.', tags: ['turn'] }],
    },
    linkOptions: { keepAliveSeconds: 3 },
    handle: ({ metadata }) => {
      const { sessionId = '', stepId = '' } = metadata as { sessionId?: string; stepId?: string };
      acted({ sessionId, stepId });
      return { data: { speed: 900 } };
    },
  });
}

/** Kept alive by the supervisors, as a child process of theirs. */
const wantedAgent: AgentBlueprint = {
  id: WANTED_AGENT,
  description: 'A device agent.',
  start: async ({ agentId }) => {
    const agent = newDeviceAgent(agentId);
    await agent.start();
    return { stop: () => agent.stop() };
  },
};

const PLACES = 100;

function processes(maxRunning: number): Spawner {
  return childProcessSpawner({
    url,
    command: process.execPath,
    args: process.argv.slice(1),
    maxRunning,
    env: { ...(env as Record<string, string>), [ROLE_VARIABLE]: 'instance' },
  });
}

const ofMs = (least: number, most: number) =>
  blueprintsOf(
    () => least + Math.random() * (most - least),
    ({ sessionId, stepId }) => acted({ sessionId, stepId }),
  );

/** One supervisor has its instances within it, quick enough to share a connection; the other as processes, here and on hosts. */
async function spawnerOf(): Promise<Spawner> {
  if (env['SHOAL_CHAOS_INSIDE'] !== undefined)
    return inProcessSpawner({ url, keepAliveSeconds: 2, agents: [wantedAgent], blueprints: ofMs(1, 60) });
  return spawnerGroup([
    // As many here as on each of the hosts, so that all of them have work.
    { id: 'here', spawner: processes(PLACES) },
    { id: 'hosts', spawner: await openRemoteHosts({ url, org: ORG, unit: UNIT, keepAliveSeconds: 3 }) },
  ]);
}

const ROLES: Readonly<Record<string, () => Promise<void>>> = {
  async broker() {
    const broker = createBroker({
      allowAnonymous: true,
      listen: { tcp: { port: Number(env['SHOAL_CHAOS_PORT'] ?? 0) } },
      store: { directory: env['SHOAL_CHAOS_DATA'] ?? '' },
    });
    const { tcp } = await broker.start();
    process.send?.({ url: tcp?.url });
  },

  async supervisor() {
    const supervisor = createSupervisor({
      url,
      org: ORG,
      unit: UNIT,
      workflows: workflowsOf(SCENARIOS).map((yaml) => parseWorkflow(yaml)),
      agentBlueprints: [WANTED_AGENT],
      spawner: await spawnerOf(),
      policy: { startGraceMs: 6_000, suspicionMs: 30, probeGapMs: 100, livenessMs: 3_000, adoptMs: 300 },
      reconcileIntervalMs: 2_000,
      probeTimeoutMs: 500,
      keepAliveSeconds: 3,
    });
    await supervisor.start();
    process.send?.({});
    if ((await supervisor.ended) === 'evicted') process.exit(1);
  },

  async host() {
    const host = createHost({
      url,
      org: ORG,
      unit: UNIT,
      hostId: env['SHOAL_CHAOS_HOST'] ?? '',
      spawner: processes(PLACES),
      refreshMs: 1_000,
      keepAliveSeconds: 3,
    });
    await host.start();
    process.send?.({});
    if ((await host.ended) === 'evicted') process.exit(1);
  },

  async 'device-agent'() {
    await newDeviceAgent('pump').start();
    process.send?.({});
  },

  instance: () =>
    runSpawned({
      keepAliveSeconds: 2,
      agents: [wantedAgent],
      blueprints: ofMs(20, 320),
    }),
};

// The parent is gone: nothing is left to do, and nobody to clean up.
process.on('disconnect', () => process.exit(0));
await ROLES[env[ROLE_VARIABLE] ?? '']?.();
