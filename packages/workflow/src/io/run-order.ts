import { silentLogger } from '@shoal/mqtt-link';
import { agentTopics, parseJson, validateAgentAttempt, validateDesiredState } from '@shoal/protocol';
import { WorkflowError } from '../errors.ts';
import type { AgentBlueprint, RunningAgent } from '../types/blueprint.ts';
import type { AgentOrder, SpawnOrder } from '../types/order.ts';
import { openLookLink } from './look.ts';
import { runStep, type RunStepOptions } from './run-step.ts';

export interface RunOrderOptions extends RunStepOptions {
  /** For orders of kind `agent`. */
  readonly agents?: readonly AgentBlueprint[];
}

/**
 * Carries out an order of either kind to its end. A step ends with its session, also without a broker. An agent ends when it is no longer
 * wanted, when `signal` aborts, or when it says so itself: it has no deadline, and waits for ever for a broker that is away.
 */
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
