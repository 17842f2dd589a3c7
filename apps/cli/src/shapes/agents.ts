import { Type, type Static } from 'typebox';
import { count, json, map, orNull, text, words } from './parts.ts';

export const Finding = Type.Object({ field: text, message: text });

export const AgentRow = Type.Object({
  org: text,
  unit: text,
  agentId: text,
  name: text,
  version: text,
  presence: Type.Object({
    state: text,
    source: text,
    reason: text,
    since: text,
    until: orNull(text),
    lastSeen: orNull(text),
  }),
  skills: Type.Array(text),
  tags: Type.Array(text),
  findings: count,
});
export type AgentRow = Static<typeof AgentRow>;

export const AgentsList = Type.Object({
  broker: Type.Object({ software: text, presence: text }),
  agents: Type.Array(AgentRow),
});
export type AgentsList = Static<typeof AgentsList>;

export const AgentDetail = Type.Object({
  agent: AgentRow,
  card: map(json),
  findings: Type.Array(Finding),
});
export type AgentDetail = Static<typeof AgentDetail>;

export const AgentEvent = Type.Object({
  at: text,
  kind: words('registered', 'updated', 'presence', 'unregistered', 'invalid'),
  org: text,
  unit: text,
  agentId: text,
  state: orNull(text),
  source: orNull(text),
  reason: text,
});
export type AgentEvent = Static<typeof AgentEvent>;

export const AgentsWatch = Type.Object({
  events: Type.Array(AgentEvent),
  /** Left out, the oldest first, beyond 10 000. */
  dropped: count,
});
export type AgentsWatch = Static<typeof AgentsWatch>;

export const AgentChanged = Type.Object({
  org: text,
  unit: text,
  agentId: text,
  action: words('registered', 'deleted'),
  by: words('mqtt', 'api'),
});
export type AgentChanged = Static<typeof AgentChanged>;

export const AgentsStats = Type.Object({
  total: count,
  byState: map(count),
  byUnit: Type.Array(Type.Object({ org: text, unit: text, total: count, online: count })),
  bySkill: Type.Array(Type.Object({ skill: text, agents: count })),
  withFindings: count,
});
export type AgentsStats = Static<typeof AgentsStats>;

export const AgentsLint = Type.Object({
  cards: Type.Array(
    Type.Object({ what: text, usable: Type.Boolean(), emqx: Type.Boolean(), findings: Type.Array(Finding) }),
  ),
});
export type AgentsLint = Static<typeof AgentsLint>;
