import type { AgentAddress, AgentCard } from '@shoal/protocol';

/** Where agents can be looked up. `Registry` of `@shoal/registry-client` is one. */
export interface AgentDirectory {
  find(query: DirectoryQuery): Iterable<DirectoryEntry>;
}

export interface DirectoryQuery {
  readonly org?: string;
  readonly unit?: string;
  /** Id of a skill. */
  readonly skill?: string;
  /** A tag of any skill. */
  readonly tag?: string;
  readonly text?: string;
}

export interface DirectoryEntry {
  readonly address: AgentAddress;
  readonly card: AgentCard;
  readonly presence: { readonly state: string };
}

export interface AgentSelection extends DirectoryQuery {
  /** Presence states that will do. Default: all, the likeliest to answer first, because presence is advisory (profile: Presence 2). */
  readonly status?: readonly string[];
  /** Negative when `a` is to be asked before `b`; decides among agents of the same presence. Default: by chance, to spread the load. */
  readonly prefer?: (a: DirectoryEntry, b: DirectoryEntry) => number;
}

const LIKELY_FIRST: readonly string[] = ['online', 'suspect', 'unknown', 'asleep'];

/** Who fits, best first. */
export function chooseAgents(
  directory: AgentDirectory,
  selection: AgentSelection,
  random: () => number,
): readonly AgentAddress[] {
  const { status, prefer, ...query } = selection;
  const fitting = [...directory.find(query)].filter(
    ({ presence }) => status === undefined || status.includes(presence.state),
  );
  return fitting
    .map((entry) => ({ entry, rank: rankOf(entry), chance: random() }))
    .toSorted((a, b) => a.rank - b.rank || (prefer?.(a.entry, b.entry) ?? 0) || a.chance - b.chance)
    .map(({ entry }) => entry.address);
}

function rankOf({ presence }: DirectoryEntry): number {
  const index = LIKELY_FIRST.indexOf(presence.state);
  return index < 0 ? LIKELY_FIRST.length : index;
}
