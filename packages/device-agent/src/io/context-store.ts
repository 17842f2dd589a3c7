import { retainedState, type RetainedState } from '@shoal/agent-sdk';
import type { Link, Logger } from '@shoal/mqtt-link';
import {
  agentTopics,
  validateAgentState,
  type AgentAddress,
  type AgentState,
  type Validation,
} from '@shoal/protocol';
import { CONTEXT_KIND, validateContext } from '../core/agent/device-context.ts';
import type { DeviceAgentOptions } from './device-agent-options.ts';

const WEEK_SECONDS = 7 * 24 * 60 * 60;
const STATE_INTERVAL_MS = 300_000;

/** The agent's context in its retained state. What another version or another device wrote counts as absent. */
export function contextStore(
  link: Link,
  address: AgentAddress,
  options: DeviceAgentOptions,
  logger: Logger,
): RetainedState<AgentState> {
  return retainedState<AgentState>({
    link,
    topic: agentTopics(address).state,
    minIntervalMs: spread(options.stateIntervalMs ?? STATE_INTERVAL_MS),
    expirySeconds: options.stateExpirySeconds ?? WEEK_SECONDS,
    logger,
    validate: (value) => validateState(value, options.deviceId),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  });
}

/** Agents that started together do not write together for ever. */
function spread(intervalMs: number): number {
  return intervalMs * (1 + Math.random() / 4);
}

function validateState(value: unknown, deviceId: string): Validation<AgentState> {
  const state = validateAgentState(value);
  if (!state.ok) return state;
  if (state.value.kind !== CONTEXT_KIND) {
    return { ok: false, violations: [{ field: 'kind', message: `must be ${CONTEXT_KIND}` }] };
  }
  const context = validateContext(state.value.data, deviceId);
  return context.ok
    ? { ok: true, value: { ...state.value, data: context.value } as unknown as AgentState }
    : context;
}
