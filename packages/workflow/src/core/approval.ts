import type { ApprovalDecision, PlannedStep, StepResultState, RecordError } from '@shoal/protocol';
import type { Json } from '../types/blueprint.ts';
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

/** Denied by default: what nobody approved in time was not approved. A word that came in time counts whenever it is read. */
export function approvalEnd(records: StepView | undefined, now: number): ApprovalEnd | undefined {
  const { approval } = records ?? {};
  if (approval === undefined) return undefined;
  const decision = decisionOf(records);
  const inTime = decision !== undefined && Date.parse(decision.at) <= Date.parse(approval.expiresAt);
  if (decision === undefined || !inTime) {
    if (now < Date.parse(approval.expiresAt)) return undefined;
    const message = `nobody approved until ${approval.expiresAt}`;
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
