import { approvalExpiresAt, deadlineOf, pendingApprovals, type SessionView } from '@shoal/workflow';

/** What can be given more time. */
export interface Extendable {
  /** Undefined: the whole session. */
  readonly stepId: string | undefined;
  readonly label: string;
  /** Until when it has now; undefined for a step whose attempts have what the plan gives each. */
  readonly untilMs: number | undefined;
}

/** The session, and each of its steps and approvals that has not ended; nothing of a session that has. */
export function extendable(view: SessionView): readonly Extendable[] {
  const { session, outcome, extend } = view;
  if (session === undefined || outcome !== undefined) return [];
  const asked = new Set(pendingApprovals(view).map(({ id }) => id));
  const steps = session.steps
    .filter(({ id }) => view.steps.get(id)?.result === undefined)
    .map(({ id }): Extendable => {
      const until = asked.has(id) ? approvalExpiresAt(view, id) : extend?.steps?.[id];
      return {
        stepId: id,
        label: `${asked.has(id) ? 'Approval' : 'Step'} ${id}`,
        untilMs: until === undefined ? undefined : Date.parse(until),
      };
    });
  return [{ stepId: undefined, label: 'The whole session', untilMs: deadlineOf(session, extend) }, ...steps];
}

/** The moment so many minutes from now; throws Error for what is no number above 0. */
export function untilOf(minutes: string, nowMs: number): number {
  const count = minutes.trim() === '' ? Number.NaN : Number(minutes);
  if (Number.isFinite(count) && count > 0) return nowMs + count * 60_000;
  throw new Error(`Minutes must be a number above 0, not "${minutes}"`);
}
