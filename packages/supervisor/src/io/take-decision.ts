import { dataOf, textOf, type DecodedRequest } from '@shoal/agent-sdk';
import { a2aError, parseA2aTopic, sessionTopics, type ApprovalDecision, type Message } from '@shoal/protocol';
import {
  assertApprover,
  isoTime,
  isWorkflowError,
  pendingApproval,
  pendingApprovals,
  type SessionView,
} from '@shoal/workflow';
import { Refusal, refuseField } from './refusal.ts';

/**
 * A further message on a task that asks for input: the word on an approval. Undefined: this very message was taken already. A data part
 * `{ "decision": "approve" | "deny", "stepId"?, "reason"? }`, or the one word as text. Throws Refusal.
 */
export function decisionIn(
  view: SessionView,
  request: Extract<DecodedRequest, { method: 'SendMessage' | 'SendStreamingMessage' }>,
  now: number,
): { readonly topic: string; readonly record: ApprovalDecision } | undefined {
  const { message } = request.params;
  for (const { decision } of view.steps.values())
    if (decision?.messageId === message.messageId) return undefined;
  if (pendingApprovals(view).length === 0)
    throw new Refusal(a2aError('UnsupportedOperation', 'a session takes one message: start another task'));
  const { action, stepId, reason } = readDecision(message);
  const by = requesterOf(request.reply.responseTopic);
  try {
    const step = pendingApproval(view, stepId);
    assertApprover(view, step, by);
    const record: ApprovalDecision = {
      schemaVersion: 1,
      sessionId: view.sessionId,
      stepId: step,
      action,
      by,
      ...(reason === undefined ? {} : { reason }),
      messageId: message.messageId,
      at: isoTime(now),
    };
    return { topic: sessionTopics(view).step(step).decision, record };
  } catch (error) {
    if (!isWorkflowError(error)) throw error;
    throw refuseField('message.parts', error.message);
  }
}

interface Word {
  readonly action: ApprovalDecision['action'];
  readonly stepId?: string;
  readonly reason?: string;
}

function readDecision(message: Message): Word {
  const data = dataOf(message);
  const said = typeof data === 'object' && data !== null && !Array.isArray(data) ? data : {};
  const { decision = textOf(message).trim().toLowerCase(), stepId, reason } = said as Record<string, unknown>;
  if (decision !== 'approve' && decision !== 'deny')
    throw refuseField(
      'message.parts',
      'must say `approve` or `deny`: as text, or as `decision` of a data part',
    );
  return {
    action: decision,
    ...(typeof stepId === 'string' ? { stepId } : {}),
    ...(typeof reason === 'string' ? { reason: reason.slice(0, 4000) } : {}),
  };
}

/** Who a reply goes to asked: an access rule of the broker keeps others from that topic. */
function requesterOf(responseTopic: string): string {
  const at = parseA2aTopic(responseTopic);
  return at?.kind === 'reply' ? at.address.agentId : responseTopic.slice(0, 400);
}
