import type { SpawnOrder } from '@shoal/workflow';

/** Stands for the step or the agent, whatever the attempt: the id that its instances connect with. */
export function instanceIdOf(order: SpawnOrder): string {
  const { org, unit } = order;
  return order.kind === 'step'
    ? `${org}/${unit}/${order.sessionId}.${order.stepId}`
    : `${org}/${unit}/${order.agentId}`;
}

/** Text that is the same for the same claim and for no other: who creates something by a name made of it twice finds it. */
export function claimKeyOf(order: SpawnOrder): string {
  return `${instanceIdOf(order)}#${order.attempt}#${order.claimId}`;
}
