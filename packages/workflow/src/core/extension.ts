import { WorkflowError } from '../errors.ts';
import { deadlineOf, findStep, latestDeadlineMs, stepExtendedMs } from './active-step.ts';
import { approvalExpiresMs } from './approval.ts';
import { isoTime } from './time.ts';
import type { SessionView } from './view.ts';

export interface Extension {
  /** Milliseconds since the epoch. */
  readonly untilMs: number;
  /**
   * Of a step: how long its attempts may work, or its approval may be given. Of an item of a fan-out `{step}.{index}`; of the fan-out, all
   * its items. Unset: the deadline of the whole session.
   */
  readonly stepId?: string | undefined;
  readonly reason?: string | undefined;
}

/** What an end and the replies to all callers take: so long before the records vanish. */
const MARGIN_MS = 60_000;

/** Throws WorkflowError `invalid-request` when it would give no time, or more than there is. */
export function assertExtends(view: SessionView, { untilMs, stepId }: Extension, now: number): void {
  const { session, extend } = view;
  if (session === undefined) return;
  if (!Number.isFinite(untilMs) || untilMs <= now) throw refuse('an extension must lead into the future');
  const deadlineMs = deadlineOf(session, extend);
  if (stepId === undefined) {
    if (untilMs <= deadlineMs) throw refuse(`the session has until ${isoTime(deadlineMs)} already`);
    const latestMs = latestDeadlineMs(session) - MARGIN_MS;
    if (untilMs > latestMs)
      throw refuse(
        `${isoTime(untilMs)} is too late: the records of this session vanish after ${isoTime(latestMs)}; a longer retentionSeconds of the workflow leaves more`,
      );
    return;
  }
  const active = findStep(view, stepId);
  if (active === undefined)
    throw refuse(`"${stepId}" is no step: there are ${session.steps.map(({ id }) => id).join(', ')}`);
  if (view.steps.get(stepId)?.result !== undefined) throw refuse(`step "${stepId}" has ended`);
  const hasMs = approvalExpiresMs(view.steps.get(stepId)?.approval, stepExtendedMs(extend, active));
  if (untilMs <= hasMs) throw refuse(`step "${stepId}" has until ${isoTime(hasMs)} already`);
  const endMs = deadlineOf(session, extend, active.role);
  if (untilMs > endMs)
    throw refuse(`the session has until ${isoTime(endMs)}: extend it first, without a step`);
}

function refuse(message: string): WorkflowError {
  return new WorkflowError('invalid-request', message);
}
