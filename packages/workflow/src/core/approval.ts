import type {
  ApprovalDecision,
  ApprovalRequest,
  PlannedStep,
  StepResultState,
  RecordError,
} from '@shoal/protocol';
import type { Json } from '../types/blueprint.ts';
import { isoTime } from './time.ts';
import type { SessionView, StepView } from './view.ts';

/** What became of an approval; undefined while nobody whose word counts has spoken and there is time left. */
export type ApprovalEnd =
  | { readonly state: Extract<StepResultState, 'completed'>; readonly output: Json }
  | { readonly state: Extract<StepResultState, 'failed'>; readonly error: RecordError };

/** The word that counts. One of somebody who is no approver is no word. */
export function decisionOf(records: StepView | undefined): ApprovalDecision | undefined {
  const { approval, decision } = records ?? {};
  if (approval === undefined || decision === undefined) return undefined;
  const { approvers } = approval;
  return approvers === undefined || approvers.includes(decision.by) ? decision : undefined;
}

/** When an approval expires in milliseconds, given until when somebody has extended it. */
export function approvalExpiresMs(approval: ApprovalRequest | undefined, extendedMs = 0): number {
  return Math.max(Date.parse(approval?.expiresAt ?? '1970-01-01T00:00:00Z'), extendedMs);
}

/** The same from the records of a session, extensions counted; undefined when nobody was asked. */
export function approvalExpiresAt(view: SessionView, stepId: string): string | undefined {
  const approval = view.steps.get(stepId)?.approval;
  if (approval === undefined) return undefined;
  return isoTime(approvalExpiresMs(approval, Date.parse(view.extend?.steps?.[stepId] ?? approval.expiresAt)));
}

/** Denied by default: what nobody approved in time was not approved. A word that came in time counts whenever it is read. */
export function approvalEnd(
  records: StepView | undefined,
  now: number,
  expiresMs = approvalExpiresMs(records?.approval),
): ApprovalEnd | undefined {
  const { approval } = records ?? {};
  if (approval === undefined) return undefined;
  const decision = decisionOf(records);
  const inTime = decision !== undefined && Date.parse(decision.at) <= expiresMs;
  if (decision === undefined || !inTime) {
    if (now < expiresMs) return undefined;
    const message = `nobody approved until ${isoTime(expiresMs)}`;
    return { state: 'failed', error: { code: 'APPROVAL_EXPIRED', message } };
  }
  const { action, by, reason, at } = decision;
  if (action === 'approve')
    return {
      state: 'completed',
      output: { approved: true, by, at, ...(reason === undefined ? {} : { reason }) },
    };
  const message = `${by} denied${reason === undefined ? '' : `: ${reason}`}`;
  return { state: 'failed', error: { code: 'DENIED', message, details: { by, at } } };
}

/** Approvals that wait for somebody. */
export function pendingApprovals(view: SessionView): readonly PlannedStep[] {
  const { session } = view;
  if (session === undefined || view.outcome !== undefined) return [];
  return session.steps.filter(({ id }) => {
    const records = view.steps.get(id);
    return (
      records?.approval !== undefined && records.result === undefined && decisionOf(records) === undefined
    );
  });
}
