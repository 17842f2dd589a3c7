import type { StepContext } from '@shoal/workflow';
import { monotonicMs } from './monotonic.ts';

/** A step tells that it is at work, as the first thing that it does. */
export interface Told {
  readonly sessionId: string;
  readonly attempt: number;
  readonly pid: number;
  /** Of `monotonicMs`. */
  readonly atMs: number;
  readonly word: 'working' | 'after the restart';
}

export const UNIT = { org: 'bench', unit: 'recovery' };
export const TOLD_TOPIC = 'bench/recovery/told';
/** The session id as payload: the thread of that instance ends itself, in the middle of whatever it does. */
export const DIE_TOPIC = 'bench/recovery/die';

export function told(context: StepContext, word: Told['word'] = 'working'): Told {
  const { sessionId, attempt } = context;
  return { sessionId, attempt, pid: process.pid, atMs: monotonicMs(), word };
}

/** The first attempt works until it is killed, the second ends at once. */
export async function workUntilKilled(context: StepContext): Promise<{ output: number }> {
  const { link, attempt, signal } = context;
  const word = told(context);
  await link.publish(TOLD_TOPIC, JSON.stringify(word), { qos: 1 });
  if (attempt === 1) {
    await new Promise((_, reject) => {
      const keepsTheProcess = setInterval(() => undefined, 60_000);
      signal.addEventListener('abort', () => {
        clearInterval(keepsTheProcess);
        reject(signal.reason as Error);
      });
    });
  }
  return { output: attempt };
}
