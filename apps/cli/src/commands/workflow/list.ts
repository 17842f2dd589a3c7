import { isClosed } from '@shoal/workflow';
import { openRegistry } from '../../connection/registry.ts';
import { readSessions } from '../../connection/sessions.ts';
import { paintState } from '../../output/style.ts';
import { formatTable } from '../../output/table.ts';
import { implement } from '../../program/leaf.ts';
import type { WorkflowsList } from '../../shapes/workflows.ts';

export const list = implement<WorkflowsList>({
  async run(context) {
    const link = await context.connect();
    const registry = await openRegistry(context, link);
    const { views } = await readSessions(context, link);
    const names = new Set(
      views.map(({ org, unit, session }) => `${org}/${unit}/${session?.workflowId ?? ''}`),
    );
    const cards = registry
      .agents()
      .filter(
        ({ address: { org, unit, agentId }, card }) =>
          names.has(`${org}/${unit}/${agentId}`) || card.skills.some(({ tags }) => tags.includes('workflow')),
      );
    const workflows = cards.map(({ address: { org, unit, agentId }, card, presence }) => {
      const own = views.filter(
        (view) => view.org === org && view.unit === unit && view.session?.workflowId === agentId,
      );
      return {
        org,
        unit,
        workflowId: agentId,
        name: card.name,
        version: card.version,
        description: card.description,
        presence: presence.state,
        open: own.filter((view) => !isClosed(view)).length,
        sessions: own.length,
      };
    });
    return { workflows };
  },
  text({ workflows }, style) {
    if (workflows.length === 0) return 'no workflows\n';
    return formatTable(
      workflows,
      [
        { title: 'WORKFLOW', value: ({ org, unit, workflowId }) => `${org}/${unit}/${workflowId}` },
        {
          title: 'PRESENCE',
          value: ({ presence }) => presence,
          paint: ({ presence }) => paintState(style, presence),
        },
        { title: 'OPEN', value: ({ open }) => String(open), right: true },
        { title: 'SESSIONS', value: ({ sessions }) => String(sessions), right: true },
        { title: 'DESCRIPTION', value: ({ description }) => description },
      ],
      style,
    );
  },
});
