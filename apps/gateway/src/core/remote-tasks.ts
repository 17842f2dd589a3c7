import type { AgentState, Validation } from '@shoal/protocol';
import { validateAgentState } from '@shoal/protocol';

/** Which task of the HTTP agent stands behind a task on the broker. */
export interface RemoteTask {
  /** The message that was passed on last. */
  readonly messageId: string;
  /** Unset while it is not known whether the HTTP agent took the message. */
  readonly taskId?: string;
  readonly contextId?: string;
}

export type RemoteTasks = Readonly<Record<string, RemoteTask>>;

/** Names what the state of such an agent holds, and its version. */
const KIND = 'http-agent-tasks/1';

export function stateOf(agentId: string, tasks: RemoteTasks, at: string): AgentState {
  return { schemaVersion: 1, agentId, kind: KIND, data: tasks as unknown as AgentState['data'], at };
}

/** What a predecessor left retained; what cannot be read counts as absent. */
export function readState(value: unknown): Validation<AgentState> {
  const state = validateAgentState(value);
  if (!state.ok) return state;
  if (state.value.kind !== KIND)
    return { ok: false, violations: [{ field: 'kind', message: `must be ${KIND}` }] };
  const violations = Object.entries(tasksOf(state.value)).flatMap(([id, remote]) =>
    typeof (remote as RemoteTask | null)?.messageId === 'string'
      ? []
      : [{ field: `data.${id}`, message: 'must have a messageId' }],
  );
  return violations.length === 0 ? state : { ok: false, violations };
}

export function tasksOf({ data }: AgentState): RemoteTasks {
  return (typeof data === 'object' && data !== null ? data : {}) as unknown as RemoteTasks;
}
