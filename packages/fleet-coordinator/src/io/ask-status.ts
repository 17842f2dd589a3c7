import type { Requester } from '@shoal/agent-sdk';
import type { AgentAddress } from '@shoal/protocol';
import type { Reply } from '../core/judge-answer.ts';

const MAX_WHY = 120;
/** An agent that was killed at work leaves a failed task; its successor answers. */
const TRIES = 3;

/** Asks a device agent how it is. Never rejects: whoever does not answer in time, or refuses, is silent. */
export async function askStatus(
  requester: Requester,
  address: AgentAddress,
  signal: AbortSignal,
): Promise<Reply> {
  let why = 'no time left';
  for (let attempt = 1; attempt <= TRIES && !signal.aborted; attempt += 1) {
    try {
      const message = { data: { skill: 'status' }, metadata: { skill: 'status' } };
      const answer = await requester.send(address, message, { signal, firstReplyTimeoutMs: 4_000 });
      const failed = 'status' in answer && answer.status.state !== 'TASK_STATE_COMPLETED';
      if (!failed) {
        const parts =
          'parts' in answer ? answer.parts : (answer.artifacts ?? []).flatMap((artifact) => artifact.parts);
        const data = parts.find((part) => part.data !== undefined)?.data;
        return data === undefined
          ? { kind: 'silent', why: 'an answer without data' }
          : { kind: 'answered', data };
      }
      why = `its task ended as ${answer.status.state}`;
    } catch (error) {
      why = signal.aborted ? 'no answer in time' : error instanceof Error ? error.message : String(error);
      break;
    }
  }
  return { kind: 'silent', why: why.slice(0, MAX_WHY) };
}
