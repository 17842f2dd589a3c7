import { readSessions } from '../../connection/sessions.ts';
import { sessionRow } from '../../core/session-rows.ts';
import { paintState } from '../../output/style.ts';
import { formatTable } from '../../output/table.ts';
import { implement } from '../../program/leaf.ts';
import type { SessionsList } from '../../shapes/sessions.ts';

export const list = implement<SessionsList>({
  async run(context, _args, flags) {
    const { state, workflow, open } = flags as {
      state?: readonly string[];
      workflow?: string;
      open?: boolean;
    };
    const { views, unreadable } = await readSessions(context, await context.connect());
    const rows = views
      .flatMap((view) => sessionRow(view) ?? [])
      .filter((row) => state === undefined || state.includes(row.state))
      .filter((row) => workflow === undefined || row.workflowId === workflow)
      .filter((row) => open !== true || !row.closed)
      .toSorted((a, b) => b.createdAt.localeCompare(a.createdAt));
    for (const one of unreadable) context.note(`warning: ${one}`);
    return { sessions: rows, unreadable: [...unreadable] };
  },
  text({ sessions }, style) {
    if (sessions.length === 0) return 'no sessions\n';
    return formatTable(
      sessions,
      [
        { title: 'SESSION', value: ({ sessionId }) => sessionId },
        { title: 'STATE', value: ({ state }) => state, paint: ({ state }) => paintState(style, state) },
        { title: 'STEPS', value: ({ stepsDone, steps }) => `${stepsDone}/${steps}`, right: true },
        { title: 'STARTED', value: ({ createdAt }) => createdAt },
        { title: 'ENDED', value: ({ endedAt }) => endedAt ?? '' },
        { title: 'WORKFLOW', value: ({ org, unit, workflowId }) => `${org}/${unit}/${workflowId}` },
      ],
      style,
    );
  },
});
