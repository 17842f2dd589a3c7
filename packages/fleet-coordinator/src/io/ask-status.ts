import { setTimeout as sleep } from 'node:timers/promises';
import { isA2aError, type Requester } from '@shoal/agent-sdk';
import type { AgentAddress } from '@shoal/protocol';
import type { Reply } from '../core/judge-answer.ts';

const MAX_WHY = 120;
/** An agent that was killed at work leaves a failed task; its successor answers. */
const TRIES = 3;
/** Until an agent that should be there, and does not listen, is asked again. */
const ABSENT_MS = 500;
const ENDED: ReadonlySet<string> = new Set(['offline', 'asleep']);

export interface AskedAgent extends AgentAddress {
  /** As the registry knows it. */
  readonly presence: string;
}

/**
 * Asks a device agent how it is. Never rejects: whoever does not answer in time, or refuses, is silent. One that does not listen and did
 * not say goodbye is asked until `signal` aborts: after a restart of the broker all come back, and not in the order in which they are needed.
 */
export async function askStatus(
  requester: Requester,
  { presence, ...address }: AskedAgent,
  signal: AbortSignal,
): Promise<Reply> {
  let why = 'no time left';
  for (let failures = 0; failures < TRIES && !signal.aborted;) {
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
      failures += 1;
    } catch (error) {
      if (signal.aborted) {
        why = 'no answer in time';
        break;
      }
      why = error instanceof Error ? error.message : String(error);
      if (!isA2aError(error, 'no-responder') || ENDED.has(presence)) break;
      await sleep(ABSENT_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  return { kind: 'silent', why: why.slice(0, MAX_WHY) };
}
