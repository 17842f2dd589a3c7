import type { RegisteredAgent } from '@shoal/registry-client';
import type { AgentRow } from '../../shapes/agents.ts';

export function toRow({ address, card, presence, findings }: RegisteredAgent): AgentRow {
  const { state, source, reason, since, until = null, lastSeen = null } = presence;
  return {
    ...address,
    name: card.name,
    version: card.version,
    presence: { state, source, reason, since, until, lastSeen },
    skills: card.skills.map(({ id }) => id),
    tags: [...new Set(card.skills.flatMap(({ tags }) => tags))],
    findings: findings.length,
  };
}
