import { createAgent, type Agent, type AgentOptions } from '@shoal/agent-sdk';
import type { AgentAddress } from '@shoal/protocol';
import { PlannerError, isPlannerError } from '../errors.ts';
import type { PlanningPolicy } from '../core/policy.ts';
import type { MaintenanceStore } from '../core/store.ts';
import { bookMaintenance, listMaintenance, proposeMaintenance, releaseMaintenance } from '../skills.ts';
import { createDesk, type MaintenanceDesk } from './desk.ts';
import { openSqliteStore } from './sqlite-store.ts';

export interface MaintenancePlannerOptions extends Pick<
  AgentOptions,
  'org' | 'unit' | 'username' | 'password' | 'logger' | 'auth' | 'tasks' | 'pools'
> {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`. */
  readonly url: string;
  /** Default `maintenance-planner`. */
  readonly agentId?: string;
  /** File of the embedded database, created when it is missing. Either this or `store`. */
  readonly database?: string;
  /** What a new database begins with. */
  readonly seed?: unknown;
  /** A store of your own; it is not closed when the agent stops. */
  readonly store?: MaintenanceStore;
  readonly policy?: Partial<PlanningPolicy>;
}

export interface MaintenancePlanner {
  readonly address: AgentAddress;
  readonly agent: Agent;
  readonly desk: MaintenanceDesk;
  /** Stopping twice is fine. */
  stop(): Promise<void>;
}

/**
 * Starts the agent: its card is registered when this resolves. Rejects with PlannerError (database, seed, policy), LinkError, A2aError.
 */
export async function startMaintenancePlanner(
  options: MaintenancePlannerOptions,
): Promise<MaintenancePlanner> {
  const { agentId = 'maintenance-planner', database, seed, policy, store: given, ...connection } = options;
  if ((database === undefined) === (given === undefined))
    throw new PlannerError(
      'usage',
      'startMaintenancePlanner needs either database, for example planner.db, or store',
    );
  const store = given ?? openSqliteStore({ file: database!, ...(seed === undefined ? {} : { seed }) });
  const close = async (): Promise<void> => (given === undefined ? store.close() : undefined);
  try {
    const desk = createDesk({ store, ...(policy === undefined ? {} : { policy }) });
    const agent = createAgent({
      ...connection,
      agentId,
      card: {
        name: 'Maintenance planner',
        description:
          'Plans and books repairs: parts, technicians, travel, the cost of downtime against the risk of waiting.',
      },
      skills: [
        proposeMaintenance.handler((request) => named(desk.propose(request))),
        bookMaintenance.handler(({ key, request }) => named(desk.book(key, request))),
        releaseMaintenance.handler(async ({ key, reason }) => ({
          released: (await named(desk.release(key, reason)))?.state === 'released',
        })),
        listMaintenance.handler(async (filter) => ({ bookings: [...(await named(desk.list(filter)))] })),
      ],
    });
    await agent.start();
    const stop = async (): Promise<void> => {
      await agent.stop();
      await close();
    };
    return { address: agent.address, agent, desk, stop };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Over the wire an error is its text: the code goes first. */
async function named<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (isPlannerError(error)) throw new Error(`${error.code}: ${error.message}`, { cause: error });
    throw error;
  }
}
