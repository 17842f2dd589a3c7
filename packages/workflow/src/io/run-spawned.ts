import { once } from 'node:events';
import type { Logger } from '@shoal/mqtt-link';
import { flushTelemetry } from '@shoal/mqtt-link/tracing';
import { WorkflowError } from '../errors.ts';
import type { ArtifactOptions } from '../types/artifact-store.ts';
import type { AgentBlueprint, Blueprint } from '../types/blueprint.ts';
import { ORDER_VARIABLES, readOrder, READY_MESSAGE, WARM_VARIABLE } from './order-environment.ts';
import { runOrder } from './run-order.ts';

export interface SpawnedOptions {
  readonly blueprints: readonly Blueprint[];
  readonly agents?: readonly AgentBlueprint[];
  readonly logger?: Logger;
  readonly keepAliveSeconds?: number;
  /** Where large outputs are stored and read: the same for all hosts. */
  readonly artifacts?: ArtifactOptions;
}

/**
 * The whole of a program that a spawner starts as a child process or a worker thread: takes order and credentials from the
 * environment, carries the order out, and exits: 0 at a clean end, 1 when the work was given up. SIGTERM and SIGINT stop it, so that
 * its Will is sent; so does the coming end of its credential. One that was started ahead (`warm`) waits for its order first, and exits when its spawner is gone before.
 */
export async function runSpawned(options: SpawnedOptions): Promise<never> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  try {
    const env = process.env[WARM_VARIABLE] === undefined ? process.env : await nextOrder();
    const order = readOrder(env[ORDER_VARIABLES.order]);
    const url = env[ORDER_VARIABLES.url];
    if (url === undefined) throw new WorkflowError('invalid-order', `${ORDER_VARIABLES.url} is not set`);
    const username = env[ORDER_VARIABLES.username];
    const password = env[ORDER_VARIABLES.password];
    leaveBefore(env[ORDER_VARIABLES.expiresAt], stop);
    const end = await runOrder(order, {
      ...options,
      url,
      signal: stop.signal,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    });
    await flushTelemetry();
    process.exit(end === 'clean' ? 0 : 1);
  } catch (error) {
    options.logger?.error('the order failed', {
      error: error instanceof Error ? error.message : String(error),
    });
    await flushTelemetry();
    process.exit(1);
  }
}

/** So long before its credential ends, an instance leaves, and its successor has a fresh one. */
const LEAVE_BEFORE_MS = 10_000;

function leaveBefore(expiresAt: string | undefined, stop: AbortController): void {
  if (expiresAt === undefined) return;
  const delayMs = Math.max(0, Number(expiresAt) - Date.now() - LEAVE_BEFORE_MS);
  if (Number.isFinite(delayMs) && delayMs < 2 ** 31) setTimeout(() => stop.abort(), delayMs).unref();
}

/** What a spawner sends to a process that it started ahead: the variables of one order. Then the two know nothing of each other. */
async function nextOrder(): Promise<Readonly<Record<string, string | undefined>>> {
  const onGone = (): never => process.exit(0);
  process.once('disconnect', onGone);
  process.send?.(READY_MESSAGE);
  const [variables] = (await once(process, 'message')) as [Record<string, string>];
  process.off('disconnect', onGone);
  process.disconnect();
  return variables;
}
