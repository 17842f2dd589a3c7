import type { AgentCard } from '@shoal/protocol';
import type { PresenceState, RegisteredAgent } from '@shoal/registry-client';

/** What the fleet page shows of one agent, worked out once when the agent changes and not for each frame. */
export interface AgentRow {
  /** `org/unit/agentId`. */
  readonly key: string;
  readonly agentId: string;
  readonly name: string;
  readonly kind: 'device' | 'agent';
  /** Type of the device; for others the first tag of the first skill. */
  readonly type: string;
  readonly site: string;
  readonly area: string;
  /** Set for agents that watch a device. */
  readonly deviceId: string | undefined;
  readonly presence: PresenceState;
  readonly reason: string;
  readonly source: string;
  /** When its presence became what it is; undefined when it was so before this console was opened. */
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly findings: number;
  /** What a search looks through, in lower case. */
  readonly haystack: string;
}

/** The extension of a device agent's card; the same word as `@shoal/device-agent` writes. */
const DEVICE_EXTENSION = 'urn:shoal:device:v1';

export function agentRow({ address, card, presence, findings }: RegisteredAgent): AgentRow {
  const device = deviceParams(card);
  const type = text(device?.['deviceType']) ?? card.skills[0]?.tags[0] ?? 'agent';
  const site = text(device?.['site']) ?? 'no site';
  const area = text(device?.['area']) ?? '';
  const skills = card.skills.flatMap(({ id, name, tags }) => [id, name, ...tags]);
  return {
    key: `${address.org}/${address.unit}/${address.agentId}`,
    agentId: address.agentId,
    name: card.name,
    kind: device === undefined ? 'agent' : 'device',
    type,
    site: device === undefined ? 'agents and workflows' : site,
    area,
    deviceId: text(device?.['deviceId']),
    presence: presence.state,
    reason: presence.reason,
    source: presence.source,
    since: presence.changedAt,
    until: presence.until,
    findings: findings.length,
    haystack: [address.agentId, card.name, card.description, type, site, area, presence.state, ...skills]
      .join('\n')
      .toLowerCase(),
  };
}

/** Params of the device extension; undefined for agents without a device. */
export function deviceParams(card: AgentCard): Readonly<Record<string, unknown>> | undefined {
  return card.capabilities.extensions?.find(({ uri }) => uri === DEVICE_EXTENSION)?.params ?? undefined;
}

export interface FleetFilter {
  /** Words, all of which must occur. */
  readonly text: string;
  readonly presence: PresenceState | 'any';
  /** `any`: all of them. */
  readonly type: string;
}

export const NO_FILTER: FleetFilter = { text: '', presence: 'any', type: 'any' };

export function filterRows(rows: readonly AgentRow[], filter: FleetFilter): readonly AgentRow[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter(
    (row) =>
      (filter.presence === 'any' || row.presence === filter.presence) &&
      (filter.type === 'any' || row.type === filter.type) &&
      words.every((word) => row.haystack.includes(word)),
  );
}

export interface GroupHeader {
  readonly header: string;
  readonly count: number;
  readonly online: number;
}

/** Rows in the order of site, type and id, with a header before each site and type. */
export function groupRows(rows: readonly AgentRow[]): readonly (AgentRow | GroupHeader)[] {
  const groups = new Map<string, AgentRow[]>();
  for (const row of rows) {
    const name = row.kind === 'device' ? `${row.site} · ${row.type}` : row.site;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [row]);
    else group.push(row);
  }
  const collator = new Intl.Collator('en', { numeric: true });
  return [...groups]
    .sort(([a], [b]) => collator.compare(a, b))
    .flatMap(([header, members]) => [
      {
        header,
        count: members.length,
        online: members.filter(({ presence }) => presence === 'online').length,
      },
      ...members.sort((a, b) => collator.compare(a.agentId, b.agentId)),
    ]);
}

export type PresenceCounts = Readonly<Record<PresenceState, number>>;

export function countPresence(rows: readonly AgentRow[]): PresenceCounts {
  const counts = { online: 0, suspect: 0, asleep: 0, offline: 0, unknown: 0 };
  for (const { presence } of rows) counts[presence] += 1;
  return counts;
}

export function typesOf(rows: readonly AgentRow[]): readonly string[] {
  return [...new Set(rows.map(({ type }) => type))].sort();
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
