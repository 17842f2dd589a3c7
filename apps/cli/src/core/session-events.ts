import { currentAttempt, currentStatus, isClosed, type SessionView } from '@shoal/workflow';
import type { SessionEvent } from '../shapes/sessions.ts';
import { sessionState } from './session-rows.ts';

/** Tells what changed between looks at a view that is folded in place. */
export class SessionNarrator {
  readonly #told = new Map<string, string>();

  /**
   * What is new since the last call, in an order that makes sense to a reader. Each has the time of its record; `at`, the time of the look,
   * stands in where a record has none.
   */
  look(view: SessionView, at: string): SessionEvent[] {
    const events: SessionEvent[] = [];
    const tell = (
      key: string,
      mark: string,
      since: string | undefined,
      event: Omit<SessionEvent, 'at'>,
    ): void => {
      if (this.#told.get(key) === mark) return;
      this.#told.set(key, mark);
      events.push({ at: since ?? at, ...event });
    };
    const { session, outcome, control, pause, extend } = view;
    if (session === undefined) return events;
    tell('session', session.planHash, session.createdAt, {
      kind: 'session',
      stepId: null,
      state: sessionState(view),
      attempt: null,
      message: `${session.workflowId}, ${session.steps.length} steps, until ${session.deadlineAt}`,
    });
    for (const [stepId, records] of view.steps) {
      const { approval, decision, result } = records;
      if (approval !== undefined)
        tell(`approval ${stepId}`, approval.at, approval.at, {
          kind: 'approval',
          stepId,
          state: 'input-required',
          attempt: approval.attempt,
          message: approval.prompt,
        });
      if (decision !== undefined)
        tell(`decision ${stepId}`, `${decision.at} ${decision.action}`, decision.at, {
          kind: 'approval',
          stepId,
          state: decision.action,
          attempt: null,
          message: `${decision.by}${decision.reason === undefined ? '' : `: ${decision.reason}`}`,
        });
      const status = currentStatus(records);
      if (result !== undefined) {
        const why = result.error === undefined ? '' : `${result.error.code}: ${result.error.message}`;
        const event = { kind: 'step', stepId, state: result.state, attempt: result.attempt } as const;
        tell(`step ${stepId}`, `result ${result.at}`, result.at, {
          ...event,
          message: result.summary ?? why,
        });
      } else if (status !== undefined) {
        const message = status.error === undefined ? '' : `${status.error.code}: ${status.error.message}`;
        const event = { kind: 'step', stepId, state: status.state, attempt: status.attempt } as const;
        tell(`step ${stepId}`, `${status.attempt} ${status.state}`, status.at, { ...event, message });
      } else if (currentAttempt(records) > 0) {
        const attempt = currentAttempt(records);
        tell(`step ${stepId}`, `${attempt} claimed`, records.attempt?.at, {
          kind: 'step',
          stepId,
          state: 'pending',
          attempt,
          message: `claimed by ${records.attempt?.supervisorId ?? ''}`,
        });
      }
    }
    for (const record of [control, pause, extend])
      if (record !== undefined)
        tell(`control ${record.action}`, record.at, record.at, {
          kind: 'control',
          stepId: null,
          state: record.action,
          attempt: null,
          message: `${record.by ?? 'somebody'}${record.reason === undefined ? '' : `: ${record.reason}`}`,
        });
    if (outcome !== undefined)
      tell('outcome', outcome.at, outcome.at, {
        kind: 'outcome',
        stepId: null,
        state: outcome.state,
        attempt: null,
        message: `${outcome.steps.length} steps`,
      });
    if (isClosed(view))
      tell('closed', 'closed', view.steps.get(session.closer)?.status?.at, {
        kind: 'closed',
        stepId: null,
        state: outcome?.state ?? null,
        attempt: null,
        message: 'every caller is answered',
      });
    return events;
  }
}
