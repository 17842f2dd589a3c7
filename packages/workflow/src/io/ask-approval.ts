import { sessionTopics, type ApprovalRequest } from '@shoal/protocol';
import { deadlineOf } from '../core/active-step.ts';
import { pendingApprovals } from '../core/approval.ts';
import { interpolate, type Scope } from '../core/expressions.ts';
import { taskOf } from '../core/outcome.ts';
import { scopeOf } from '../core/scope.ts';
import { isoTime } from '../core/time.ts';
import { isWorkflowError } from '../errors.ts';
import type { Attempt } from './attempt.ts';
import { replyInterrupted } from './caller-replies.ts';
import { writeResult } from './write-result.ts';

/** Opens the approval: from its record on it counts, whoever dies. */
export async function askApproval(attempt: Attempt): Promise<undefined> {
  const { order, session, active, voice, view, now } = attempt;
  const { approval } = active.planned.use;
  if (approval === undefined) return undefined;
  const untilMs = deadlineOf(session, view().extend);
  const expiresMs = approval.expirySeconds === undefined ? untilMs : now() + approval.expirySeconds * 1000;
  try {
    const record: ApprovalRequest = {
      ...voice.ids(),
      claimId: order.claimId,
      prompt: promptOf(approval.prompt, scopeOf(session, view())),
      ...(approval.approvers === undefined ? {} : { approvers: approval.approvers }),
      at: isoTime(now()),
      expiresAt: isoTime(Math.min(untilMs, expiresMs)),
    };
    await voice.put(sessionTopics(order).step(order.stepId).approval, record);
    return undefined;
  } catch (error) {
    if (!isWorkflowError(error, 'expression')) throw error;
    return writeResult(attempt, 'failed', {
      error: { code: 'EXPRESSION', message: `approval.prompt: ${error.message}` },
    });
  }
}

function promptOf(text: string, scope: Scope): string {
  const prompt = interpolate(text, scope);
  if (typeof prompt !== 'string') return JSON.stringify(prompt);
  return prompt === '' ? '(no question)' : prompt;
}

/** Tells every caller what is asked (A2A: the task is interrupted; a blocking call returns, a stream pauses). */
export async function tellPending({ link, view, sync, logger }: Attempt): Promise<void> {
  // Write, then read (rule 14): a caller that is not in the view now will find the approval.
  await sync();
  const task = taskOf(view());
  if (task === undefined || pendingApprovals(view()).length === 0) return;
  await Promise.all(
    [...view().callers.values()].map((caller) => replyInterrupted(link, caller, task, logger)),
  );
}
