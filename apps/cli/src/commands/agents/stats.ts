import { openRegistry } from '../../connection/registry.ts';
import { formatFields, formatTable } from '../../output/table.ts';
import { implement } from '../../program/leaf.ts';
import type { AgentsStats } from '../../shapes/agents.ts';

export const stats = implement<AgentsStats>({
  async run(context) {
    const registry = await openRegistry(context, await context.connect());
    const agents = registry.agents();
    const units = new Map<string, AgentsStats['byUnit'][number]>();
    const skills = new Map<string, number>();
    const byState: Record<string, number> = {};
    for (const { address, card, presence } of agents) {
      byState[presence.state] = (byState[presence.state] ?? 0) + 1;
      const { org, unit } = address;
      const entry = units.get(`${org}/${unit}`) ?? { org, unit, total: 0, online: 0 };
      entry.total += 1;
      if (presence.state === 'online') entry.online += 1;
      units.set(`${org}/${unit}`, entry);
      for (const id of new Set(card.skills.map((skill) => skill.id)))
        skills.set(id, (skills.get(id) ?? 0) + 1);
    }
    return {
      total: agents.length,
      byState,
      byUnit: [...units.values()],
      bySkill: [...skills]
        .map(([skill, count]) => ({ skill, agents: count }))
        .toSorted((a, b) => b.agents - a.agents || a.skill.localeCompare(b.skill)),
      withFindings: agents.filter(({ findings }) => findings.length > 0).length,
    };
  },
  text({ total, byState, byUnit, bySkill, withFindings }, style) {
    const states = Object.entries(byState).map(([state, count]) => `${count} ${state}`);
    const head = formatFields(
      [
        ['agents', `${total}${states.length === 0 ? '' : `: ${states.join(', ')}`}`],
        ['with findings', String(withFindings)],
      ],
      style,
    );
    if (total === 0) return head;
    const units = formatTable(
      byUnit,
      [
        { title: 'UNIT', value: ({ org, unit }) => `${org}/${unit}` },
        { title: 'AGENTS', value: (row) => String(row.total), right: true },
        { title: 'ONLINE', value: (row) => String(row.online), right: true },
      ],
      style,
    );
    const skills = formatTable(
      bySkill,
      [
        { title: 'SKILL', value: ({ skill }) => skill },
        { title: 'AGENTS', value: ({ agents }) => String(agents), right: true },
      ],
      style,
    );
    return `${head}\n${units}\n${skills}`;
  },
});
