import { isIdentifier } from '@shoal/protocol';
import { WorkflowError } from '../errors.ts';
import type { SpawnOrder } from '../types/order.ts';

/** How an order travels to a process: by environment, so that no shell and no process list sees it as an argument. */
export const ORDER_VARIABLES = {
  order: 'SHOAL_ORDER',
  url: 'SHOAL_BROKER_URL',
  username: 'SHOAL_USERNAME',
  password: 'SHOAL_PASSWORD',
  /** Milliseconds since the epoch: when the credential ends. */
  expiresAt: 'SHOAL_CREDENTIAL_EXPIRES_AT',
} as const;

/** Set in a process that is started before there is an order for it: the order comes as a message of its parent. */
export const WARM_VARIABLE = 'SHOAL_WARM';

/** What such a process tells its parent when it has loaded its program. */
export const READY_MESSAGE = 'ready';

/** Linux takes at most 128 KiB in one environment variable. */
const MAX_ORDER_BYTES = 100_000;

/** The order without its credentials. Throws WorkflowError `invalid-order` above 100 000 bytes. */
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
