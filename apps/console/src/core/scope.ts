import { isIdentifier } from '@shoal/protocol';

export interface Scope {
  readonly org: string;
  readonly unit: string;
}

export interface SeenScope extends Scope {
  readonly agents: number;
  readonly sessions: number;
}

/** The units that the topics of retained messages name: cards and sessions. Others are not looked at. */
export function scopesOf(topics: Iterable<string>): readonly SeenScope[] {
  const seen = new Map<string, { agents: number; sessions: number }>();
  for (const topic of topics) {
    const levels = topic.split('/');
    const card = levels[0] === '$a2a' && levels[2] === 'discovery' && levels.length === 6;
    const session = levels[0] === 'shoal' && levels[4] === 'session' && levels.length === 6;
    if (!card && !session) continue;
    const [org, unit] = card ? [levels[3], levels[4]] : [levels[2], levels[3]];
    if (!isIdentifier(org) || !isIdentifier(unit)) continue;
    const key = `${org}/${unit}`;
    const counts = seen.get(key) ?? { agents: 0, sessions: 0 };
    counts[card ? 'agents' : 'sessions'] += 1;
    seen.set(key, counts);
  }
  return [...seen]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([key, counts]) => {
      const [org = '', unit = ''] = key.split('/');
      return { org, unit, ...counts };
    });
}
