/** Whether a retained approval covers a call. Pure. */
import type { ToolApproval } from '@shoal/protocol';
import { canonical } from './canonical.ts';
import type { JsonRecord } from './declaration.ts';

export interface ApprovedCall {
  readonly deviceId: string;
  readonly tool: string;
  /** Without the arguments of the door. */
  readonly args: JsonRecord;
}

export interface ApprovalRules {
  /** Whose word counts, as `by`. Unset: of whoever the broker lets write it. */
  readonly approvers?: readonly string[];
  /** Why it is not the word of whom it names. */
  readonly distrust?: string | undefined;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** Longest time that an approval may stand: as long as a device remembers which ones it used. */
export const LONGEST_APPROVAL_MS = 3_600_000;

/** Why an approval is none for this call; undefined when it is. It approves one call, word for word, for a time. */
export function whyNotApproved(
  approval: ToolApproval,
  call: ApprovedCall,
  { approvers, distrust, nowMs }: ApprovalRules,
): string | undefined {
  if (distrust !== undefined) return distrust;
  if (approval.action !== 'approve') return `it was denied by ${approval.by}`;
  if (approval.deviceId !== call.deviceId) return `it is for the device ${approval.deviceId}`;
  if (approval.tool !== call.tool) return `it is for the tool ${approval.tool}`;
  if (canonical(approval.args) !== canonical(call.args)) return 'it is for other arguments';
  if (approvers !== undefined && !approvers.includes(approval.by)) return `${approval.by} is no approver`;
  const [from, until] = [Date.parse(approval.at), Date.parse(approval.expiresAt)];
  if (until - from > LONGEST_APPROVAL_MS) return 'it stands for longer than an hour';
  if (!(nowMs < until)) return `it expired at ${approval.expiresAt}`;
  return undefined;
}
