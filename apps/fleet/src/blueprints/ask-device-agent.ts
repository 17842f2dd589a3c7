import type { Requester } from '@shoal/agent-sdk';
import type { AgentAddress, JsonObject, Part } from '@shoal/protocol';
import { StepError } from '@shoal/workflow';

/** A device agent answers at once or is being respawned: the profile's 15 seconds would eat up the step's time. */
const PATIENCE = { firstReplyTimeoutMs: 4_000, maxAttempts: 3 };

/** Sends a device agent one order as data and returns the data of its answer; a task that did not complete is an error. */
export async function readAnswer(
  requester: Requester,
  address: AgentAddress,
  data: JsonObject,
  signal: AbortSignal,
): Promise<JsonObject> {
  const reply = await requester.send(address, { data }, { signal, ...PATIENCE });
  const failed = 'status' in reply && reply.status.state !== 'TASK_STATE_COMPLETED';
  if (failed)
    throw new StepError('AGENT_FAILED', `${address.agentId}: ${statusText(reply.status.message?.parts)}`, {
      // An agent that was killed at work leaves a failed task; its successor answers.
      retryable: true,
    });
  const parts =
    'parts' in reply ? reply.parts : (reply.artifacts ?? []).flatMap((artifact) => artifact.parts);
  const found = parts.find((part) => part.data !== undefined)?.data;
  if (typeof found === 'object' && found !== null && !Array.isArray(found)) return found as JsonObject;
  throw new StepError('ANSWER_INVALID', `${address.agentId} answered without a data object`);
}

function statusText(parts: readonly Part[] = []): string {
  return parts.find((part) => part.text !== undefined)?.text ?? 'no reason given';
}
