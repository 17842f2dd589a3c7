import type { AgentCard, FleetSelection } from '@shoal/protocol';
import type { Json } from '../types/blueprint.ts';

/** An agent of the unit, as its retained card shows it. */
export interface FleetMember {
  readonly agentId: string;
  readonly card: AgentCard;
  readonly status: 'online' | 'offline' | 'unknown';
}

/** Those that fit, by id: two readers of the same cards pick the same, in the same order. */
export function selectMembers(
  members: readonly FleetMember[],
  selection: FleetSelection,
): readonly FleetMember[] {
  return members
    .filter((member) => fits(member, selection))
    .toSorted((a, b) => (a.agentId < b.agentId ? -1 : a.agentId > b.agentId ? 1 : 0));
}

function fits({ card, status }: FleetMember, selection: FleetSelection): boolean {
  const { skill, tag, site, labels = {}, presence = 'online' } = selection;
  if (presence !== 'any' && (status === 'offline') !== (presence === 'offline')) return false;
  if (skill !== undefined && !card.skills.some(({ id }) => id === skill)) return false;
  if (tag !== undefined && !card.skills.some(({ tags }) => tags.includes(tag))) return false;
  const has = labelsOf(card);
  const wanted = site === undefined ? labels : { ...labels, site };
  return Object.entries(wanted).every(([name, value]) => has[name] === value);
}

/** Strings in the params of the card's extensions, those under `labels` there first. */
export function labelsOf(card: AgentCard): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const { params = {} } of card.capabilities.extensions ?? []) {
    const { labels } = params as { labels?: unknown };
    const nested = typeof labels === 'object' && labels !== null ? labels : {};
    for (const [name, value] of [...Object.entries(params), ...Object.entries(nested)])
      if (typeof value === 'string') found[name] = value;
  }
  return found;
}

/** What an item of a fan-out over the fleet is. */
export function itemOfMember({ agentId, card, status }: FleetMember): Json {
  return { agentId, name: card.name, status, labels: { ...labelsOf(card) } };
}
