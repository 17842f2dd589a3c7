import { parseClientId } from '@shoal/protocol';

import type { Action } from '../context.ts';
import type { ClientIdentity } from '../session.ts';
import { filterCovers } from './filter-covers.ts';

/**
 * One rule. `topics` are topic filters; `{org}`, `{unit}`, `{agent}` stand for the parts of a client id `org/unit/agent`, `{username}`
 * and `{clientId}` for these. A filter whose placeholder has no value, or a value with `/`, `+` or `#`, matches nothing.
 */
export interface AccessRule {
  readonly effect: 'allow' | 'deny';
  /** Default: both. */
  readonly action?: Action;
  readonly topics: readonly string[];
  /** Only these users. Default: every client. */
  readonly users?: readonly string[];
}

export type Authorize = (client: ClientIdentity, action: Action, topic: string) => boolean;

const UNSAFE = /[/+#\0]/;
const PLACEHOLDER = /\{(org|unit|agent|username|clientId)\}/g;

function valuesOf(client: ClientIdentity): ReadonlyMap<string, string> {
  const values = new Map<string, string>([['clientId', client.clientId]]);
  if (client.username !== undefined) values.set('username', client.username);
  const address = parseClientId(client.clientId);
  if (address === undefined) return values;
  values.set('org', address.org);
  values.set('unit', address.unit);
  values.set('agent', address.agentId);
  return values;
}

function fill(filter: string, values: ReadonlyMap<string, string>): string | undefined {
  let usable = true;
  const filled = filter.replace(PLACEHOLDER, (_all, name: string) => {
    const value = values.get(name);
    if (value === undefined || value === '' || UNSAFE.test(value)) usable = false;
    return value ?? '';
  });
  return usable ? filled : undefined;
}

interface Compiled {
  readonly effect: AccessRule['effect'];
  readonly action: Action | undefined;
  readonly filters: readonly string[];
}

function compile(rules: readonly AccessRule[], client: ClientIdentity): readonly Compiled[] {
  const values = valuesOf(client);
  const { username } = client;
  return rules
    .filter(({ users }) => users === undefined || (username !== undefined && users.includes(username)))
    .map(({ effect, action, topics }) => ({
      effect,
      action,
      filters: topics.map((topic) => fill(topic, values)).filter((filter) => filter !== undefined),
    }));
}

/** The first rule that fits decides; when none does, the answer is no. A denied filter also denies every wider subscription. */
export function createPolicy(rules: readonly AccessRule[]): Authorize {
  const compiled = new WeakMap<ClientIdentity, readonly Compiled[]>();
  return (client, action, topic) => {
    let own = compiled.get(client);
    if (own === undefined) compiled.set(client, (own = compile(rules, client)));
    for (const { effect, action: only, filters } of own) {
      if (only !== undefined && only !== action) continue;
      const reaches = effect === 'allow' ? filterCovers : filtersOverlap;
      if (filters.some((filter) => reaches(filter, topic))) return effect === 'allow';
    }
    return false;
  };
}

/** True when some topic is matched by both: what a deny rule needs, since it must not be gone around by a wider filter. */
export function filtersOverlap(a: string, b: string): boolean {
  const left = a.split('/');
  const right = b.split('/');
  if (wildcardFirst(left) !== wildcardFirst(right) && (a.startsWith('$') || b.startsWith('$'))) return false;
  for (let i = 0; ; i++) {
    const x = left[i];
    const y = right[i];
    if (x === '#' || y === '#') return true;
    if (x === undefined || y === undefined) {
      return (x === undefined && y === undefined) || left[i] === '#' || right[i] === '#';
    }
    if (x !== '+' && y !== '+' && x !== y) return false;
  }
}

const wildcardFirst = (levels: readonly string[]): boolean => levels[0] === '#' || levels[0] === '+';

/** How far an agent sees: itself and its peers' requests, its unit, its organisation. */
export type A2aScope = 'unit' | 'org';

/**
 * Exactly the topics that an agent needs: its own card, requests to and replies of its scope, its own events, and Shoal's records of
 * its unit. Clients whose id is not `org/unit/agent` get nothing from it.
 */
export function a2aPolicy(scope: A2aScope = 'unit'): readonly AccessRule[] {
  const wide = scope === 'org' ? '{org}/+' : '{org}/{unit}';
  return [
    { effect: 'allow', action: 'publish', topics: ['$a2a/v1/discovery/{org}/{unit}/{agent}'] },
    {
      effect: 'allow',
      action: 'subscribe',
      topics: [
        `$a2a/v1/discovery/${wide}/+`,
        '$a2a/v1/request/{org}/{unit}/{agent}',
        '$a2a/v1/request/{org}/{unit}/pool/+',
        '$a2a/v1/reply/{org}/{unit}/{agent}/#',
        `$a2a/v1/event/${wide}/+`,
      ],
    },
    {
      effect: 'allow',
      action: 'publish',
      topics: [
        `$a2a/v1/request/${wide}/+`,
        `$a2a/v1/request/${wide}/pool/+`,
        `$a2a/v1/reply/${wide}/#`,
        '$a2a/v1/event/{org}/{unit}/{agent}',
      ],
    },
    { effect: 'allow', topics: ['shoal/v1/{org}/{unit}/#'] },
    { effect: 'allow', action: 'subscribe', topics: ['$SYS/broker/#'] },
  ];
}
