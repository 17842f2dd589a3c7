import type { PresenceState } from './presence.ts';
import type { RegisteredAgent } from './registered-agent.ts';

/** All given conditions must hold. Skills, tags and text compare without regard to case. */
export interface AgentQuery {
  readonly org?: string;
  readonly unit?: string;
  readonly agentId?: string;
  /** Id of a skill. */
  readonly skill?: string;
  /** Tag of any skill. */
  readonly tag?: string;
  /** One state, or any of several. */
  readonly presence?: PresenceState | readonly PresenceState[];
  /** Words that occur somewhere in id, name, description or skills, each of them. */
  readonly text?: string;
}

export function matchesQuery(agent: RegisteredAgent, query: AgentQuery): boolean {
  const { address, card, presence } = agent;
  if (query.org !== undefined && address.org !== query.org) return false;
  if (query.unit !== undefined && address.unit !== query.unit) return false;
  if (query.agentId !== undefined && address.agentId !== query.agentId) return false;
  if (query.presence !== undefined && !isOneOf(presence.state, query.presence)) return false;
  if (query.skill !== undefined && !card.skills.some(({ id }) => same(id, query.skill))) return false;
  if (query.tag !== undefined && !card.skills.some(({ tags }) => tags.some((tag) => same(tag, query.tag))))
    return false;
  return query.text === undefined || matchesText(agent, query.text);
}

function matchesText({ address, card }: RegisteredAgent, text: string): boolean {
  const skills = card.skills.flatMap(({ id, name, description, tags }) => [id, name, description, ...tags]);
  const all = [address.agentId, card.name, card.description, ...skills].join('\n').toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

function isOneOf(state: PresenceState, wanted: PresenceState | readonly PresenceState[]): boolean {
  return typeof wanted === 'string' ? state === wanted : wanted.includes(state);
}

function same(a: string, b: string | undefined): boolean {
  return a.toLowerCase() === b?.toLowerCase();
}
