import { publishReply, replyPayload, streamItemPayload } from '@shoal/agent-sdk';
import type { Link, Logger } from '@shoal/mqtt-link';
import type { CallerRecord, SessionOutcome, StreamResponse, Task } from '@shoal/protocol';
import { correlationOf, finalItems, isSafeResponseTopic } from '../core/callers.ts';

type Publishing = Pick<Link, 'publish'>;

/** One item to every streaming caller. A caller that cannot be reached does not hold up the others. */
export async function streamToCallers(
  link: Publishing,
  callers: Iterable<CallerRecord>,
  item: StreamResponse,
  logger: Logger,
): Promise<void> {
  const text = JSON.stringify(item);
  const streaming = [...callers].filter(
    (caller) => caller.streaming && isSafeResponseTopic(caller.responseTopic),
  );
  await Promise.all(
    streaming.map((caller) => send(link, caller, [streamItemPayload(caller.requestId, text)], logger)),
  );
}

/** The outcome to one caller, word for word: a stream gets its last items, a blocking call its one reply. */
export async function replyOutcome(
  link: Publishing,
  caller: CallerRecord,
  outcome: SessionOutcome,
  logger: Logger,
): Promise<void> {
  if (!isSafeResponseTopic(caller.responseTopic)) return;
  const payloads = caller.streaming
    ? finalItems(outcome).map((item) => streamItemPayload(caller.requestId, item))
    : [replyPayload(caller.requestId, { task: outcome.task })];
  await send(link, caller, payloads, logger);
}

/** The task asks for input: a stream is told so, a blocking call gets the task. */
export async function replyInterrupted(
  link: Publishing,
  caller: CallerRecord,
  task: Task,
  logger: Logger,
): Promise<void> {
  if (!isSafeResponseTopic(caller.responseTopic)) return;
  const { id, contextId = id, status, metadata = {} } = task;
  const payload = caller.streaming
    ? streamItemPayload(caller.requestId, { statusUpdate: { taskId: id, contextId, status, metadata } })
    : replyPayload(caller.requestId, { task });
  await send(link, caller, [payload], logger);
}

/**
 * In order, each PUBACK awaited. A broker that refuses the topic is the caller's problem; a lost connection is ours, and is thrown.
 */
async function send(
  link: Publishing,
  caller: CallerRecord,
  payloads: readonly string[],
  logger: Logger,
): Promise<void> {
  const path = { responseTopic: caller.responseTopic, correlationData: correlationOf(caller) };
  for (const payload of payloads) {
    try {
      const { noMatchingSubscribers } = await publishReply(link as Link, path, payload);
      if (noMatchingSubscribers)
        return logger.debug('nobody listens at the response topic', { topic: caller.responseTopic });
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'publish-refused') throw error;
      return logger.warn('the broker refused a reply', { topic: caller.responseTopic, error: String(error) });
    }
  }
}
