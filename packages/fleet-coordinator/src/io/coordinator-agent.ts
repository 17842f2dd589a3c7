import { createAgent, type Agent, type AgentOptions } from '@shoal/agent-sdk';
import { isPlannerError } from '@shoal/maintenance-planner';
import type { AgentAddress } from '@shoal/protocol';
import type { ProductionPlan } from '../core/production.ts';
import { isCoordinatorError } from '../errors.ts';
import { cancelWorkOrder, coordinateDowntime } from '../skills.ts';
import { surveyNeighbours, type SurveyOptions } from './survey-neighbours.ts';
import { remoteDesk, writeWorkOrder, type BookingDesk } from './write-order.ts';

export interface FleetCoordinatorOptions extends Pick<
  AgentOptions,
  'org' | 'unit' | 'username' | 'password' | 'logger' | 'auth' | 'tasks' | 'pools'
> {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`. */
  readonly url: string;
  /** Default `fleet-coordinator`. */
  readonly agentId?: string;
  /** The planner's agent id in the same unit (default `maintenance-planner`), or a desk in this process. */
  readonly planner?: string | BookingDesk;
  readonly production?: Partial<ProductionPlan>;
  readonly survey?: SurveyOptions;
}

export interface FleetCoordinator {
  readonly address: AgentAddress;
  readonly agent: Agent;
  /** Stopping twice is fine. */
  stop(): Promise<void>;
}

const ORDER_STEP = 'work-order';

/** Starts the agent: its card is registered when this resolves. Rejects with LinkError, A2aError. */
export async function startFleetCoordinator(options: FleetCoordinatorOptions): Promise<FleetCoordinator> {
  const {
    agentId = 'fleet-coordinator',
    planner = 'maintenance-planner',
    production,
    survey,
    ...connection
  } = options;
  const { org, unit, logger } = options;
  const deskFor = (signal: AbortSignal): BookingDesk =>
    typeof planner === 'string'
      ? remoteDesk(agent.requester, { org, unit, agentId: planner }, { signal })
      : planner;
  const agent: Agent = createAgent({
    ...connection,
    agentId,
    card: {
      name: 'Fleet coordinator',
      description: 'Asks neighbours for load and headroom, staggers downtime, and writes work orders.',
    },
    skills: [
      coordinateDowntime.handler(async ({ sessionId, ...found }, task) => {
        const { link, requester } = agent;
        const context = {
          link,
          requester,
          org,
          unit,
          signal: task.signal,
          ...(logger === undefined ? {} : { logger }),
        };
        const surveyed = await named(surveyNeighbours(context, found.deviceId, survey));
        await task.progress(`asked ${surveyed.neighbours.length} neighbours`);
        const { order, parts } = await named(
          writeWorkOrder(deskFor(task.signal), {
            ...found,
            key: { sessionId, stepId: ORDER_STEP },
            survey: surveyed,
            ...(production === undefined ? {} : { production }),
          }),
        );
        await task.artifact({
          artifactId: `${order.workOrderId}.html`,
          name: 'work order, to print',
          parts: [parts[1]!],
        });
        return order;
      }),
      cancelWorkOrder.handler(async ({ sessionId, reason }, task) => {
        await named(deskFor(task.signal).release({ sessionId, stepId: ORDER_STEP }, reason));
        return { canceled: true };
      }),
    ],
  });
  await agent.start();
  return { address: agent.address, agent, stop: () => agent.stop() };
}

/** Over the wire an error is its text: the code goes first. */
async function named<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (isCoordinatorError(error) || isPlannerError(error))
      throw new Error(`${error.code}: ${error.message}`, { cause: error });
    throw error;
  }
}
