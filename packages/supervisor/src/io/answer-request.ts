import { publishReply, replyPayload, streamItemPayload, type DecodedRequest } from '@shoal/agent-sdk';
import type { Link, Logger } from '@shoal/mqtt-link';
import type { Task } from '@shoal/protocol';

/** A task as the method wants it: the one reply of a blocking call, or the next item of a stream. */
export function taskPayload(request: DecodedRequest, task: Task): string {
  return request.method === 'SendMessage'
    ? replyPayload(request.id, { task })
    : streamItemPayload(request.id, { task });
}

/** A broker that refuses the Response Topic is the requester's problem; a lost connection is ours, and is thrown. */
export async function answerRequest(
  link: Link,
  request: DecodedRequest,
  payload: string,
  logger: Logger,
): Promise<void> {
  try {
    await publishReply(link, request.reply, payload);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'publish-refused') throw error;
    logger.warn('the broker refused a reply', { topic: request.reply.responseTopic, error: String(error) });
  }
}
