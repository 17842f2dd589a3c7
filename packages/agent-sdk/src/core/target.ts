import type { AgentAddress, PoolAddress } from '@shoal/protocol';
import { poolRequestTopic, requestTopic } from '@shoal/protocol';
import { localError } from '../errors.ts';
import type { AgentSelection } from './choose-agent.ts';

/** Whom a call is for: one agent, whichever member of a pool takes it, or whichever agent of the directory fits. */
export type Target = AgentAddress | PoolAddress | AgentSelection;

export function isPool(target: Target): target is PoolAddress {
  return 'poolId' in target;
}

export function isAgent(target: Target): target is AgentAddress {
  return 'agentId' in target;
}

/** Throws A2aError `invalid-message` for what cannot be asked, for example the text `org/unit/agentId`. */
export function assertTarget(target: unknown): asserts target is Target {
  if (typeof target === 'object' && target !== null && !('then' in target)) return;
  throw localError(
    'invalid-message',
    'the target must be an object: { org, unit, agentId }, { org, unit, poolId } or a selection',
  );
}

/** Pooled requests go to the canonical topic, never to `$share/…` (profile: Shared Dispatch 3). */
export function topicOf(target: AgentAddress | PoolAddress): string {
  return isPool(target) ? poolRequestTopic(target) : requestTopic(target);
}
