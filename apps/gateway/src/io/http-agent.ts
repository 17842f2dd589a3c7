import { AgentCard as SdkCard } from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import {
  ClientFactory,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
  RestTransportFactory,
} from '@a2a-js/sdk/client';
import type { Agent, AgentOptions, CardInput, RetainedState } from '@shoal/agent-sdk';
import { createAgent, retainedState, retainedTaskStore } from '@shoal/agent-sdk';
import { endSpan, startSpan, within } from '@shoal/mqtt-link/tracing';
import type { AgentCard, AgentState } from '@shoal/protocol';
import { agentTopics } from '@shoal/protocol';
import type { RemoteTask } from '../core/remote-tasks.ts';
import { readState, stateOf, tasksOf } from '../core/remote-tasks.ts';
import { RemoteRun } from './remote-run.ts';

export interface HttpAgentOptions extends Omit<
  AgentOptions,
  'card' | 'handle' | 'skills' | 'tasks' | 'onOrphan' | 'pools'
> {
  /** Where the HTTP agent's card is: the URL of the card, or the base URL below which it is well known. */
  readonly agentUrl: string;
  /** Headers of every request to it, for example its access token. They go nowhere else. */
  readonly headers?: () => Record<string, string> | Promise<Record<string, string>>;
  /** What the card on the broker says instead. */
  readonly card?: Partial<CardInput>;
  /** Tasks that are not at their end; one more is rejected. Default 256. */
  readonly maxOpenTasks?: number;
  /** Default `fetch`. */
  readonly fetch?: typeof fetch;
}

/**
 * Puts an agent that speaks A2A over HTTP on a broker: its card is registered there, and what it is asked there is passed on. Resolves
 * when its card is read; `start` the agent then. Which task stands behind which is retained, so that a successor goes on with them.
 */
export async function createHttpAgent(options: HttpAgentOptions): Promise<Agent> {
  const { client, card } = await connect(options);
  return new HttpAgent(options, client, card).agent;
}

async function connect({
  agentUrl,
  headers,
  fetch: plain = fetch,
}: HttpAgentOptions): Promise<{ readonly client: Client; readonly card: SdkCard }> {
  const fetchImpl: typeof fetch = async (input, init) => {
    const all = new Headers(init?.headers);
    for (const [name, value] of Object.entries((await headers?.()) ?? {})) all.set(name, value);
    const span = startSpan('@shoal/gateway', init?.method ?? 'GET', {
      kind: 'client',
      attributes: {
        'http.request.method': init?.method ?? 'GET',
        'server.address': new URL(agentUrl).hostname,
      },
    });
    for (const [name, value] of Object.entries({ ...span?.carrier })) all.set(name, value);
    let failure: string | undefined;
    try {
      const response = await within(span, () => plain(input, { ...init, headers: all }));
      span?.span.setAttribute('http.response.status_code', response.status);
      if (response.status >= 400) failure = String(response.status);
      return response;
    } catch (error) {
      failure = 'unreachable';
      throw error;
    } finally {
      endSpan(span, failure);
    }
  };
  const resolver = new DefaultAgentCardResolver({ fetchImpl });
  const card = await (agentUrl.endsWith('.json')
    ? resolver.resolve(agentUrl, '')
    : resolver.resolve(agentUrl.endsWith('/') ? agentUrl : `${agentUrl}/`));
  const transports = [new JsonRpcTransportFactory({ fetchImpl }), new RestTransportFactory({ fetchImpl })];
  return { client: await new ClientFactory({ transports }).createFromAgentCard(card), card };
}

class HttpAgent {
  readonly agent: Agent;
  readonly #client: Client;
  readonly #maxOpenTasks: number;
  readonly #tasks = new Map<string, RemoteTask>();
  #state: Promise<RetainedState<AgentState>> | undefined;
  #stopping = false;

  constructor(options: HttpAgentOptions, client: Client, httpCard: SdkCard) {
    const { agentUrl: _, headers: __, fetch: ___, card, maxOpenTasks = 256, ...given } = options;
    this.#client = client;
    this.#maxOpenTasks = maxOpenTasks;
    const agent = createAgent({
      concurrency: maxOpenTasks,
      ...given,
      card: { ...cardOnBroker(httpCard), ...card },
      tasks: retainedTaskStore(),
      onOrphan: async ({ id }) => {
        await this.#loaded();
        return this.#tasks.get(id)?.taskId === undefined ? 'fail' : 'restart';
      },
      handle: async (task) => {
        const state = await this.#loaded();
        const known = this.#tasks.get(task.taskId);
        if (known === undefined && this.#tasks.size >= this.#maxOpenTasks)
          return task.reject(`this agent already works on ${this.#maxOpenTasks} tasks; try again later`);
        return new RemoteRun(this.#client, task, known, {
          stopping: () => this.#stopping,
          remember: async (remote) => {
            if (remote === undefined) this.#tasks.delete(task.taskId);
            else this.#tasks.set(task.taskId, remote);
            const { agentId } = this.agent.address;
            state.save(stateOf(agentId, Object.fromEntries(this.#tasks), new Date().toISOString()));
            await state.flush();
          },
        }).run();
      },
    });
    const stop = agent.stop.bind(agent);
    this.agent = agent;
    agent.stop = (how) => {
      this.#stopping = true;
      return stop(how);
    };
  }

  #loaded(): Promise<RetainedState<AgentState>> {
    return (this.#state ??= this.#load());
  }

  async #load(): Promise<RetainedState<AgentState>> {
    const { link, address } = this.agent;
    const topic = agentTopics(address).state;
    const state = retainedState({ link, topic, validate: readState, minIntervalMs: 0 });
    const left = await state.load();
    for (const [id, remote] of Object.entries(left === undefined ? {} : tasksOf(left)))
      this.#tasks.set(id, remote);
    return state;
  }
}

/** Interfaces, signatures and ways to log in are those of HTTP: the broker has its own. */
function cardOnBroker(card: SdkCard): CardInput {
  const {
    signatures: _,
    supportedInterfaces: __,
    securitySchemes: ___,
    securityRequirements: ____,
    capabilities,
    ...rest
  } = SdkCard.toJSON(card) as AgentCard;
  const { pushNotifications: _____, extendedAgentCard: ______, ...able } = capabilities ?? {};
  return { ...rest, capabilities: { ...able, streaming: true } };
}
