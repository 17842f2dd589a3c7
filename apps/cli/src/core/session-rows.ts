import {
  currentAttempt,
  currentStatus,
  deadlineOf,
  isClosed,
  isoTime,
  isPaused,
  pendingApprovals,
  readinessOf,
  type SessionView,
} from '@shoal/workflow';
import type { PlannedStep, SessionRecord } from '@shoal/protocol';
import type { SessionRow, SessionState, StepRow } from '../shapes/sessions.ts';

/** One line of a list; undefined while the plan has not been seen. */
export function sessionRow(view: SessionView): SessionRow | undefined {
  const { org, unit, sessionId, session, outcome } = view;
  if (session === undefined) return undefined;
  return {
    org,
    unit,
    sessionId,
    workflowId: session.workflowId,
    state: sessionState(view),
    closed: isClosed(view),
    createdAt: session.createdAt,
    endedAt: outcome?.at ?? null,
    deadlineAt: isoTime(deadlineOf(session, view.extend)),
    stepsDone: session.steps.filter(({ id }) => view.steps.get(id)?.result !== undefined).length,
    steps: session.steps.length,
  };
}

export function sessionState(view: SessionView): SessionState {
  if (view.outcome !== undefined) return view.outcome.state;
  if (view.control !== undefined) return 'canceling';
  if (pendingApprovals(view).length > 0) return 'input-required';
  return isPaused(view) ? 'paused' : 'running';
}

/** The planned steps, and the items of a fan-out behind their step. */
export function stepRows(view: SessionView, now: number): StepRow[] {
  const { session } = view;
  if (session === undefined) return [];
  return session.steps.flatMap((step) => {
    const prefix = `${step.id}.`;
    const items = [...view.steps.keys()].filter(
      (id) => id.startsWith(prefix) && /^\d+$/.test(id.slice(prefix.length)),
    );
    const inOrder = items.toSorted((a, b) => Number(a.slice(prefix.length)) - Number(b.slice(prefix.length)));
    return [plannedRow(view, session, step, now), ...inOrder.map((id) => recordRow(view, id))];
  });
}

function plannedRow(view: SessionView, session: SessionRecord, step: PlannedStep, now: number): StepRow {
  const row = recordRow(view, step.id);
  if (row.endedAt !== null) return row;
  if (pendingApprovals(view).some(({ id }) => id === step.id)) {
    const approval = view.steps.get(step.id)?.approval;
    return { ...row, state: 'input-required', why: `asks: ${approval?.prompt ?? ''}` };
  }
  const resultOf = (id: string) => view.steps.get(id)?.result;
  const ready = readinessOf(step, resultOf, now);
  if (ready.ready === 'waiting')
    return { ...row, waitsFor: [...ready.for], why: `waits for ${ready.for.join(', ')}` };
  if (ready.ready === 'never') return { ...row, why: ready.error.message };
  const started = row.state !== 'pending' && row.state !== 'waiting';
  return isPaused(view) && !started
    ? { ...row, why: `the session is paused by ${view.pause?.by ?? 'somebody'}` }
    : row;
}

function recordRow(view: SessionView, stepId: string): StepRow {
  const records = view.steps.get(stepId);
  const { result } = records ?? {};
  const status = currentStatus(records);
  const error = result?.error ?? status?.error;
  return {
    stepId,
    state: result?.state ?? status?.state ?? 'pending',
    attempt: result?.attempt ?? currentAttempt(records),
    waitsFor: [],
    why:
      result === undefined && status?.state === 'retrying'
        ? `tries again at ${status.retryAt ?? 'once'}`
        : null,
    startedAt: result?.startedAt ?? null,
    endedAt: result?.at ?? null,
    summary: result?.summary ?? null,
    error: error === undefined ? null : { code: error.code, message: error.message },
    ...(result?.output === undefined ? {} : { output: result.output }),
  };
}
