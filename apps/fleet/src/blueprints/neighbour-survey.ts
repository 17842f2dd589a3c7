import { DEVICE_EXTENSION } from '@shoal/device-agent';
import { createRegistry } from '@shoal/registry-client';
import { defineBlueprint, isStepError, type Blueprint, type StepContext } from '@shoal/workflow';
import type { AgentCard } from '@shoal/protocol';
import type { NeighbourAnswer } from '../maintenance/coordinate.ts';
import { readAnswer } from './ask-device-agent.ts';
import { asFields, requiredText } from './step-input.ts';

/**
 * Finds the agents of the neighbouring devices in the registry and asks each over A2A for load and health. One that is silent is
 * reported as silent: the work order says what it assumed.
 */
export function neighbourSurvey(): Blueprint {
  return defineBlueprint({
    id: 'neighbour-survey',
    description: 'Asks the agents of neighbouring devices for load and health.',
    async run(context) {
      const deviceId = requiredText(context.input, 'deviceId');
      const agentId = requiredText(context.input, 'agentId');
      const agents = await findNeighbours(context, deviceId);
      const [own, ...neighbours] = await Promise.all([
        ask(context, { agentId, deviceId, relation: 'self' }),
        ...agents.map((neighbour) => ask(context, neighbour)),
      ]);
      const answered = neighbours.filter((neighbour) => neighbour.answered);
      return {
        output: {
          loadPercent: own.loadPercent,
          neighbours: neighbours.map((neighbour) => ({ ...neighbour })),
        },
        summary: `${answered.length} of ${neighbours.length} neighbours answered: ${describe(neighbours)}`,
      };
    },
  });
}

interface Neighbour {
  readonly agentId: string;
  readonly deviceId: string;
  readonly relation: string;
}

/** The neighbours that the device's own card names, as far as they have agents. */
async function findNeighbours(context: StepContext, deviceId: string): Promise<Neighbour[]> {
  const { link, org, unit, logger } = context;
  const registry = createRegistry({ link, org, unit, logger });
  await registry.start();
  const agents = registry
    .agents()
    .map(({ address, card }) => ({ agentId: address.agentId, ...readDevice(card) }));
  await registry.stop();
  const relations = agents.find((agent) => agent.deviceId === deviceId)?.relations ?? [];
  return relations.flatMap(({ deviceId: neighbour, relation }) => {
    const agent = agents.find((candidate) => candidate.deviceId === neighbour);
    return agent === undefined ? [] : [{ agentId: agent.agentId, deviceId: neighbour, relation }];
  });
}

interface Relation {
  readonly deviceId: string;
  readonly relation: string;
}

function readDevice(card: AgentCard): { deviceId: string | undefined; relations: readonly Relation[] } {
  const extension = card.capabilities.extensions?.find(({ uri }) => uri === DEVICE_EXTENSION);
  const { deviceId, relations } = asFields(extension?.params);
  return {
    deviceId: typeof deviceId === 'string' ? deviceId : undefined,
    relations: (Array.isArray(relations) ? relations : []).flatMap((entry) => {
      const { deviceId: other, relation } = asFields(entry);
      return typeof other === 'string' && typeof relation === 'string' ? [{ deviceId: other, relation }] : [];
    }),
  };
}

async function ask(context: StepContext, neighbour: Neighbour, tries = 3): Promise<NeighbourAnswer> {
  const { agentId, deviceId, relation } = neighbour;
  const { requester, org, unit, signal, logger } = context;
  try {
    const answer = await readAnswer(requester, { org, unit, agentId }, { skill: 'status' }, signal);
    const { loadPercent, health } = answer;
    return {
      deviceId,
      relation,
      answered: true,
      loadPercent: typeof loadPercent === 'number' ? loadPercent : null,
      health: typeof health === 'string' ? health : 'unknown',
    };
  } catch (error) {
    // Our own connection was away: that says nothing of the neighbour, and the step is tried again.
    if (signal.aborted || context.link.state !== 'online') throw error;
    if (isStepError(error) && error.code === 'AGENT_FAILED' && tries > 1)
      return ask(context, neighbour, tries - 1);
    logger.warn(`${agentId} did not answer`, { why: error instanceof Error ? error.message : String(error) });
    return { deviceId, relation, answered: false, loadPercent: null, health: 'unknown' };
  }
}

function describe(neighbours: readonly NeighbourAnswer[]): string {
  const lines = neighbours.map(
    ({ deviceId, loadPercent }) =>
      `${deviceId} ${loadPercent === null ? 'silent' : `at ${Math.round(loadPercent)} %`}`,
  );
  return lines.join(', ') || 'none known';
}
