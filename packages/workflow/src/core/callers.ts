import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { parseA2aTopic, type CallerRecord, type SessionOutcome, type StreamResponse } from '@shoal/protocol';
import { sha256Hex } from './sha256.ts';

/** Names a caller record: the same address and correlation give the same record, so a redelivered request adds nothing. */
export function callerHash(responseTopic: string, correlationData: Uint8Array): string {
  return sha256Hex(concatBytes(utf8ToBytes(responseTopic), new Uint8Array([0]), correlationData)).slice(
    0,
    32,
  );
}

/**
 * May a reply be published there? The caller chooses the topic and we publish on its behalf: never into Shoal's own records, nor
 * into any `$` tree but the replies of A2A.
 */
export function isSafeResponseTopic(topic: string): boolean {
  if (topic === '' || /[+#\0]/.test(topic) || topic.startsWith('shoal/')) return false;
  return !topic.startsWith('$') || parseA2aTopic(topic)?.kind === 'reply';
}

/** The last items of a stream: every artifact, then the end (A2A §3.1.2). */
export function finalItems(outcome: SessionOutcome): readonly StreamResponse[] {
  const { task } = outcome;
  const ids = { taskId: task.id, contextId: task.contextId ?? task.id };
  return [
    ...(task.artifacts ?? []).map((artifact) => ({ artifactUpdate: { ...ids, artifact, lastChunk: true } })),
    {
      statusUpdate: {
        ...ids,
        status: task.status,
        ...(task.metadata === undefined ? {} : { metadata: task.metadata }),
      },
    },
  ];
}

/** Bytes of a record's correlation data. */
export function correlationOf(caller: Pick<CallerRecord, 'correlationData'>): Uint8Array {
  return Uint8Array.from(atob(caller.correlationData), (char) => char.charCodeAt(0));
}

/** Base64, as a caller record keeps it; `correlationOf` goes back. */
export function encodeCorrelation(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
