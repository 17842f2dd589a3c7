import { silentLogger, type Logger } from '@shoal/mqtt-link';
import type { ReasoningRecord } from '@shoal/protocol';
import { ReasonerError } from '../errors.ts';
import type { ReasoningTask, RecordSink } from '../types.ts';

/** What every reasoner is told. */
export interface ReasonerSettings {
  /** The agent in whose name it decides. */
  readonly agentId: string;
  /** Where records go. Unset: nowhere; a decision carries its record all the same. */
  readonly records?: RecordSink;
  readonly logger?: Logger;
}

const PURPOSE = /^[A-Za-z0-9_.-]{1,100}$/;

export function assertTask({ purpose, instructions, data }: ReasoningTask<unknown>): void {
  if (!PURPOSE.test(purpose))
    throw new ReasonerError(
      'invalid-task',
      `purpose must be 1 to 100 letters, digits, "_", "." and "-", not "${purpose}"`,
    );
  if (instructions.trim() === '')
    throw new ReasonerError('invalid-task', 'instructions must say what to decide');
  if (typeof data !== 'object' || data === null)
    throw new ReasonerError('invalid-task', 'data must be an object: what is known, by name');
}

/** A record that cannot be written does not undo the decision. */
export async function keepRecord(
  { records, logger = silentLogger }: ReasonerSettings,
  record: ReasoningRecord,
): Promise<void> {
  try {
    await records?.write(record);
  } catch (error) {
    logger.warn('the record of a decision could not be written', {
      reasoningId: record.reasoningId,
      why: error instanceof Error ? error.message : String(error),
    });
  }
}
