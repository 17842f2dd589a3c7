import { PRESENCE_STATES, type PresenceState } from '@shoal/registry-client';
import { openRegistry } from '../../connection/registry.ts';
import { usageError } from '../../errors.ts';
import { paintState } from '../../output/style.ts';
import { formatTable } from '../../output/table.ts';
import { implement } from '../../program/leaf.ts';
import type { AgentsList } from '../../shapes/agents.ts';
import { toRow } from './row.ts';

interface ListFlags {
  readonly presence?: readonly string[];
  readonly skill?: string;
  readonly tag?: string;
  readonly text?: string;
}

export const list = implement<AgentsList>({
  async run(context, _args, flags) {
    const { presence, skill, tag, text } = flags as ListFlags;
    const states = presence ?? [];
    const wrong = states.find((state) => !(PRESENCE_STATES as readonly string[]).includes(state));
    if (wrong !== undefined)
      throw usageError(`--presence takes ${PRESENCE_STATES.join(', ')}, not "${wrong}"`);
    const registry = await openRegistry(context, await context.connect());
    const agents = registry.find({
      ...(states.length === 0 ? {} : { presence: states as readonly PresenceState[] }),
      ...(skill === undefined ? {} : { skill }),
      ...(tag === undefined ? {} : { tag }),
      ...(text === undefined ? {} : { text }),
    });
    const { software, presence: feed } = registry.broker;
    const rows = agents.map(toRow).toSorted((a, b) => keyOf(a).localeCompare(keyOf(b)));
    return { broker: { software, presence: feed }, agents: rows };
  },
  text({ agents }, style) {
    if (agents.length === 0) return 'no agents\n';
    return formatTable(
      agents,
      [
        { title: 'AGENT', value: keyOf },
        {
          title: 'PRESENCE',
          value: ({ presence }) => presence.state,
          paint: ({ presence }) => paintState(style, presence.state),
        },
        { title: 'VERSION', value: ({ version }) => version },
        { title: 'FINDINGS', value: ({ findings }) => (findings === 0 ? '' : String(findings)), right: true },
        { title: 'SKILLS', value: ({ skills }) => skills.join(', ') },
      ],
      style,
    );
  },
});

function keyOf({ org, unit, agentId }: { org: string; unit: string; agentId: string }): string {
  return `${org}/${unit}/${agentId}`;
}
