import { silentLogger, type Logger } from '@shoal/mqtt-link';
import {
  agentTopics,
  isIdentifier,
  parseJson,
  validateAgentAttempt,
  validateDesiredState,
} from '@shoal/protocol';
import { WorkflowError } from '../errors.ts';
import type { AgentBlueprint, Blueprint, RunningAgent } from '../types/blueprint.ts';
import type { AgentOrder, SpawnOrder } from '../types/order.ts';
import { openLookLink } from './look.ts';
import { runStep, type RunStepOptions } from './run-step.ts';

export interface RunOrderOptions extends RunStepOptions {
  /** For orders of kind `agent`. */
  readonly agents?: readonly AgentBlueprint[];
}

/** Carries out an order of either kind to its end. An agent ends when `signal` aborts or when it says so itself. */
export async function runOrder(order: SpawnOrder, options: RunOrderOptions): Promise<'clean' | 'abandoned'> {
  if (order.kind === 'agent') return runAgent(order, options);
  const end = await runStep(order, options);
  return end.end === 'abandoned' ? 'abandoned' : 'clean';
}

async function runAgent(order: AgentOrder, options: RunOrderOptions): Promise<'clean'> {
  const blueprint = options.agents?.find(({ id }) => id === order.blueprint);
  if (blueprint === undefined)
    throw new WorkflowError('unknown-blueprint', `this host has no agent blueprint "${order.blueprint}"`);
  const { url, username, password, signal, logger = silentLogger } = options;
  const wanted = await watchWanted(order, options);
  let running: RunningAgent | undefined;
  try {
    if (!wanted.signal.aborted)
      running = await blueprint.start({
        org: order.org,
        unit: order.unit,
        agentId: order.agentId,
        config: order.config as never,
        url,
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
        logger,
      });
    await Promise.race([
      running?.ended ?? new Promise<never>(() => undefined),
      aborted(signal),
      aborted(wanted.signal),
    ]);
    if (wanted.signal.aborted)
      logger.info('the agent is no longer wanted', {
        agentId: order.agentId,
        reason: String(wanted.signal.reason),
      });
  } finally {
    await running?.stop();
    await wanted.close();
  }
  return 'clean';
}

interface Wanted {
  /** Aborted when the desired state says `stopped`, is gone, or a successor was claimed. */
  readonly signal: AbortSignal;
  close(): Promise<void>;
}

/** Watches what is wanted of the agent, on a connection that is not the agent's: its blueprint owns that one. */
async function watchWanted(order: AgentOrder, options: RunOrderOptions): Promise<Wanted> {
  const link = await openLookLink(order, options);
  const unwanted = new AbortController();
  const topics = agentTopics(order);
  await link.subscribe(topics.desired, ({ payload }) => {
    const json = payload.length === 0 ? undefined : parseJson(payload);
    const desired = json?.ok === true ? validateDesiredState(json.value) : undefined;
    if (json === undefined || (desired?.ok === true && desired.value.state === 'stopped'))
      unwanted.abort('the desired state is `stopped`');
  });
  await link.subscribe(topics.attempt, ({ payload }) => {
    const json = payload.length === 0 ? undefined : parseJson(payload);
    const attempt = json?.ok === true ? validateAgentAttempt(json.value) : undefined;
    if (attempt?.ok === true && attempt.value.attempt > order.attempt)
      unwanted.abort(`attempt ${attempt.value.attempt} took over`);
  });
  return { signal: unwanted.signal, close: () => link.close() };
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) resolve();
    signal?.addEventListener('abort', () => resolve());
  });
}

/** How an order travels to a process: by environment, so that no shell and no process list sees it as an argument. */
export const ORDER_VARIABLES = {
  order: 'SHOAL_ORDER',
  url: 'SHOAL_BROKER_URL',
  username: 'SHOAL_USERNAME',
  password: 'SHOAL_PASSWORD',
} as const;

/** Linux takes at most 128 KiB in one environment variable. */
const MAX_ORDER_BYTES = 100_000;

export function orderEnvironment(order: SpawnOrder): Record<string, string> {
  const text = JSON.stringify(order);
  if (Buffer.byteLength(text) > MAX_ORDER_BYTES)
    throw new WorkflowError(
      'invalid-order',
      `the order takes more than ${MAX_ORDER_BYTES} bytes: make \`config\` smaller`,
    );
  return { [ORDER_VARIABLES.order]: text };
}

/** Throws WorkflowError `invalid-order` that names the field. */
export function readOrder(text: string | undefined): SpawnOrder {
  if (text === undefined)
    throw new WorkflowError(
      'invalid-order',
      `${ORDER_VARIABLES.order} is not set: a spawner starts this program`,
    );
  let order: Record<string, unknown>;
  try {
    order = JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new WorkflowError('invalid-order', `${ORDER_VARIABLES.order} is not JSON`, { cause });
  }
  const ids = order['kind'] === 'agent' ? ['agentId'] : ['sessionId', 'stepId', 'workflowId'];
  for (const field of ['org', 'unit', 'blueprint', ...ids])
    if (!isIdentifier(order[field]))
      throw new WorkflowError('invalid-order', `order.${field} is not an identifier`);
  if (order['kind'] !== 'step' && order['kind'] !== 'agent')
    throw new WorkflowError('invalid-order', 'order.kind must be "step" or "agent"');
  if (!Number.isInteger(order['attempt']))
    throw new WorkflowError('invalid-order', 'order.attempt must be an integer');
  if (typeof order['claimId'] !== 'string')
    throw new WorkflowError('invalid-order', 'order.claimId must be a string');
  return order as unknown as SpawnOrder;
}

export interface SpawnedOptions {
  readonly blueprints: readonly Blueprint[];
  readonly agents?: readonly AgentBlueprint[];
  readonly logger?: Logger;
  readonly keepAliveSeconds?: number;
}

/**
 * The whole of a program that a child process spawner starts: reads its order and credentials from the environment, carries it out,
 * and exits: 0 at a clean end, 1 when the work was given up. SIGTERM and SIGINT stop it, so that its Will is sent.
 */
export async function runSpawned(options: SpawnedOptions): Promise<never> {
  const { env } = process;
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  try {
    const order = readOrder(env[ORDER_VARIABLES.order]);
    const url = env[ORDER_VARIABLES.url];
    if (url === undefined) throw new WorkflowError('invalid-order', `${ORDER_VARIABLES.url} is not set`);
    const username = env[ORDER_VARIABLES.username];
    const password = env[ORDER_VARIABLES.password];
    const end = await runOrder(order, {
      ...options,
      url,
      signal: stop.signal,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    });
    process.exit(end === 'clean' ? 0 : 1);
  } catch (error) {
    options.logger?.error('the order failed', {
      error: error instanceof Error ? error.message : String(error),
    });
    process.exit(1);
  }
}
