import { decodeRequest, errorPayload, publishReply, replyPayload } from '@shoal/agent-sdk';
import type { Link, Logger } from '@shoal/mqtt-link';
import { a2aError, requestTopic, type AgentAddress, type Task } from '@shoal/protocol';

/** User property of a probe's answer: which attempt is alive. */
export const ATTEMPT_PROPERTY = 'a2a-shoal-attempt';

export interface ProbeOptions {
  readonly address: AgentAddress;
  readonly attempt: number;
  readonly task: () => Task | undefined;
  readonly logger: Logger;
}

/**
 * Answers the profile's liveness check, GetTask, at once and whatever the step is doing (DESIGN rule 9). An instance takes no other
 * request: the session's own address does.
 */
export async function answerProbes(
  link: Link,
  { address, attempt, task, logger }: ProbeOptions,
): Promise<void> {
  const userProperties = { [ATTEMPT_PROPERTY]: String(attempt) };
  await link.subscribe(requestTopic(address), async (message) => {
    const request = decodeRequest(message);
    if (!request.ok) {
      if (request.answer !== undefined) await publishReply(link, request.answer.path, request.answer.payload);
      return logger.warn('request ignored', { topic: message.topic, reason: request.reason });
    }
    const known = request.method === 'GetTask' ? task() : undefined;
    const payload =
      request.method !== 'GetTask'
        ? errorPayload(
            request.id,
            a2aError('UnsupportedOperation', 'an instance of a step only answers GetTask; ask its workflow'),
          )
        : known !== undefined && known.id === request.params.id
          ? replyPayload(request.id, known)
          : errorPayload(request.id, a2aError('TaskNotFound', 'no such task here'));
    await publishReply(link, request.reply, payload, { userProperties });
  });
}
