import { findAgent, openRegistry } from '../../connection/registry.ts';
import { formatFields } from '../../output/table.ts';
import { printable } from '../../output/printable.ts';
import { implement } from '../../program/leaf.ts';
import type { AgentDetail } from '../../shapes/agents.ts';
import { toRow } from './row.ts';

export const get = implement<AgentDetail>({
  async run(context, [agent = '']) {
    const registry = await openRegistry(context, await context.connect());
    const found = findAgent(registry, agent, context);
    return {
      agent: toRow(found),
      card: found.card as unknown as Record<string, unknown>,
      findings: found.findings.map(({ field, message }) => ({ field, message })),
    };
  },
  text({ agent, card, findings }, style) {
    const { state, source, reason, since, lastSeen } = agent.presence;
    const fields = formatFields(
      [
        ['agent', `${agent.org}/${agent.unit}/${agent.agentId}`],
        ['name', agent.name],
        ['version', agent.version],
        ['description', textOr(card['description'])],
        ['presence', `${state} (${source}: ${reason})`],
        ['seen since', since],
        ['last sign', lastSeen ?? undefined],
        ['tags', agent.tags.join(', ')],
      ],
      style,
    );
    const skills = (card['skills'] as readonly { id: string; name: string; description: string }[]).map(
      ({ id, description }) => `  ${printable(id)}: ${printable(description)}\n`,
    );
    const odd = findings.map(({ field, message }) =>
      style.warn(`finding  ${printable(field)} ${printable(message)}\n`),
    );
    return `${fields}${skills.length === 0 ? '' : style.dim('skills\n')}${skills.join('')}${odd.join('')}`;
  },
});

function textOr(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
