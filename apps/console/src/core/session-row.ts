import {
  currentStatus,
  deadlineOf,
  isClosed,
  isPaused,
  pendingApprovals,
  type SessionView,
} from '@shoal/workflow';

/**
 * What a person calls the state of a run. `approval`: somebody is asked. `closing`: the outcome is written and callers are being told.
 */
export const SESSION_STATES = [
  'running',
  'approval',
  'paused',
  'canceling',
  'closing',
  'completed',
  'failed',
  'canceled',
  'unknown',
] as const;
export type SessionState = (typeof SESSION_STATES)[number];

export interface SessionRow {
  readonly sessionId: string;
  readonly workflowId: string;
  readonly state: SessionState;
  /** Steps with a result, of all of the plan. */
  readonly ended: number;
  readonly steps: number;
  readonly createdMs: number;
  readonly endedMs: number | undefined;
  /** When it must have ended, with the time that it was given meanwhile. */
  readonly deadlineMs: number;
  readonly plannedDeadlineMs: number;
  /** What it waits for, or how it ended. */
  readonly note: string;
  readonly rerunOf: string | undefined;
  readonly parent: string | undefined;
}

/** Undefined while the plan has not been seen: a record that outlived its session says nothing to a person. */
export function sessionRow(view: SessionView): SessionRow | undefined {
  const { session, outcome } = view;
  if (session === undefined) return undefined;
  const ended = session.steps.filter(({ id }) => view.steps.get(id)?.result !== undefined).length;
  return {
    sessionId: view.sessionId,
    workflowId: session.workflowId,
    state: sessionState(view),
    ended,
    steps: session.steps.length,
    createdMs: Date.parse(session.createdAt),
    endedMs: outcome === undefined ? undefined : Date.parse(outcome.at),
    deadlineMs: deadlineOf(session, view.extend),
    plannedDeadlineMs: Date.parse(session.deadlineAt),
    note: noteOf(view),
    rerunOf: session.rerun?.of,
    parent: session.parent?.sessionId,
  };
}

export function sessionState(view: SessionView): SessionState {
  if (view.outcome !== undefined) return isClosed(view) ? view.outcome.state : 'closing';
  if (view.control?.action === 'cancel') return 'canceling';
  if (isPaused(view)) return 'paused';
  return pendingApprovals(view).length > 0 ? 'approval' : 'running';
}

function noteOf(view: SessionView): string {
  const { session, outcome } = view;
  if (outcome !== undefined) {
    const bad = outcome.steps.find(({ state }) => state === 'failed' || state === 'unknown');
    if (bad !== undefined) return `${bad.id}: ${bad.error?.message ?? bad.state}`;
    const summary = view.steps.get(session?.closer ?? '')?.result?.summary;
    return summary ?? outcome.state;
  }
  const [approval] = pendingApprovals(view);
  if (approval !== undefined) return view.steps.get(approval.id)?.approval?.prompt ?? approval.id;
  const lost = stepsIn(view, 'lost');
  if (lost.length > 0) return `${lost.join(', ')} lost, being respawned`;
  const running = stepsIn(view, 'running');
  return running.length === 0 ? 'nothing at work' : `${running.join(', ')} at work`;
}

function stepsIn(view: SessionView, state: string): readonly string[] {
  return (view.session?.steps ?? [])
    .filter(({ id }) => {
      const records = view.steps.get(id);
      return records?.result === undefined && currentStatus(records)?.state === state;
    })
    .map(({ id }) => id);
}

/** The newest first; what waits for a person before everything else. */
export function sortRows(rows: readonly SessionRow[]): readonly SessionRow[] {
  const urgent = ({ state }: SessionRow): number => (state === 'approval' ? 0 : 1);
  return [...rows].sort((a, b) => urgent(a) - urgent(b) || b.createdMs - a.createdMs);
}

export function isOpen(state: SessionState): boolean {
  return ['running', 'approval', 'paused', 'canceling', 'closing'].includes(state);
}

/** What may be done with a session in this state. */
export type SessionAction = 'cancel' | 'pause' | 'resume' | 'extend' | 'approve' | 'deny' | 'rerun' | 'purge';

export function actionsFor(state: SessionState): readonly SessionAction[] {
  switch (state) {
    case 'running':
      return ['pause', 'extend', 'cancel'];
    case 'approval':
      return ['approve', 'deny', 'pause', 'extend', 'cancel'];
    case 'paused':
      return ['resume', 'extend', 'cancel'];
    case 'canceling':
    case 'closing':
      return [];
    default:
      return ['rerun', 'purge'];
  }
}
