import { approvalExpiresAt, pendingApprovals, type SessionView } from '@shoal/workflow';
import { findSession } from '../../connection/sessions.ts';
import { sessionRow, stepRows } from '../../core/session-rows.ts';
import { CliError } from '../../errors.ts';
import { printable } from '../../output/printable.ts';
import { paintState } from '../../output/style.ts';
import { formatFields, formatTable } from '../../output/table.ts';
import { implement } from '../../program/leaf.ts';
import type { SessionDetail } from '../../shapes/sessions.ts';

export const show = implement<SessionDetail>({
  async run(context, [id = '']) {
    return sessionDetail(await findSession(context, await context.connect(), id), Date.now());
  },
  text({ session, steps, approvals, callers, rerunOf, parent }, style) {
    const head = formatFields(
      [
        ['session', session.sessionId],
        ['workflow', `${session.org}/${session.unit}/${session.workflowId}`],
        [
          'state',
          `${session.state}${session.endedAt !== null && !session.closed ? ', callers not answered yet' : ''}`,
        ],
        ['started', session.createdAt],
        ['ended', session.endedAt ?? undefined],
        ['deadline', session.endedAt === null ? session.deadlineAt : undefined],
        ['callers', String(callers)],
        ['re-run of', rerunOf ?? undefined],
        ['part of', parent === null ? undefined : `${parent.sessionId}, step ${parent.stepId}`],
      ],
      style,
    );
    const table = formatTable(
      steps,
      [
        { title: 'STEP', value: ({ stepId }) => stepId },
        { title: 'STATE', value: ({ state }) => state, paint: ({ state }) => paintState(style, state) },
        { title: 'ATTEMPT', value: ({ attempt }) => String(attempt), right: true },
        { title: 'ENDED', value: ({ endedAt }) => endedAt?.slice(11, 23) ?? '' },
        {
          title: 'WHY',
          value: ({ why, summary, error }) =>
            why ?? summary ?? (error === null ? '' : `${error.code}: ${error.message}`),
        },
      ],
      style,
    );
    const asked = approvals.map(({ stepId, prompt, expiresAt }) =>
      style.warn(`\napproval ${printable(stepId)}: ${printable(prompt)} (until ${expiresAt})\n`),
    );
    return `${head}\n${table}${asked.join('')}`;
  },
});

/** Throws CliError `not-found` while the plan has not been seen. */
export function sessionDetail(view: SessionView, now: number): SessionDetail {
  const row = sessionRow(view);
  const { session, outcome } = view;
  if (row === undefined || session === undefined)
    throw new CliError('not-found', `no session ${view.sessionId}`, { code: 'no-session' });
  const { parent, rerun } = session;
  return {
    session: row,
    steps: stepRows(view, now),
    approvals: pendingApprovals(view).map(({ id }) => {
      const { prompt = '', approvers = null } = view.steps.get(id)?.approval ?? {};
      const expiresAt = approvalExpiresAt(view, id) ?? '';
      return { stepId: id, prompt, approvers: approvers === null ? null : [...approvers], expiresAt };
    }),
    callers: view.callers.size,
    rerunOf: rerun?.of ?? null,
    parent: parent === undefined ? null : { sessionId: parent.sessionId, stepId: parent.stepId },
    request: session.request,
    variables: session.variables,
    task: outcome?.task ?? null,
  };
}
