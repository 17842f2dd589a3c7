import { parseClientId } from '@shoal/protocol';

import type { Action, Authorize, PublishDetails } from '../context.ts';
import type { Qos } from '../packets.ts';
import type { ClientIdentity } from '../session.ts';
import { filterCovers, filtersOverlap } from './filter-covers.ts';

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
  /** Only publishes with, or only without, the retain flag. A rule that has it says nothing about subscriptions. */
  readonly retain?: boolean;
  /** Only publishes of these QoS. A rule that has it says nothing about subscriptions. */
  readonly qos?: readonly Qos[];
}

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
  readonly rule: AccessRule;
  readonly filters: readonly string[];
}

function concerns(rule: AccessRule, action: Action, details: PublishDetails | undefined): boolean {
  if (rule.action !== undefined && rule.action !== action) return false;
  if (rule.retain !== undefined && rule.retain !== details?.retain) return false;
  return rule.qos === undefined || (details !== undefined && rule.qos.includes(details.qos));
}

function compile(rules: readonly AccessRule[], client: ClientIdentity): readonly Compiled[] {
  const values = valuesOf(client);
  const { username } = client;
  return rules
    .filter(({ users }) => users === undefined || (username !== undefined && users.includes(username)))
    .map((rule) => ({
      rule,
      filters: rule.topics.map((topic) => fill(topic, values)).filter((filter) => filter !== undefined),
    }));
}

/** Agents use few topics, again and again. */
const MAX_REMEMBERED = 64;

interface Own {
  readonly rules: readonly Compiled[];
  readonly remembered: Map<string, boolean>;
}

function decide(
  rules: readonly Compiled[],
  action: Action,
  topic: string,
  details: PublishDetails | undefined,
): boolean {
  for (const { rule, filters } of rules) {
    if (!concerns(rule, action, details)) continue;
    const reaches = rule.effect === 'allow' ? filterCovers : filtersOverlap;
    if (filters.some((filter) => reaches(filter, topic))) return rule.effect === 'allow';
  }
  return false;
}

/** The first rule that fits decides; when none does, the answer is no. A denied filter also denies every wider subscription. */
export function createPolicy(rules: readonly AccessRule[]): Authorize {
  const compiled = new WeakMap<ClientIdentity, Own>();
  return (client, action, topic, details) => {
    let own = compiled.get(client);
    if (own === undefined) {
      own = { rules: compile(rules, client), remembered: new Map() };
      compiled.set(client, own);
    }
    if (action === 'subscribe') return decide(own.rules, action, topic, details);
    const key = `${details?.qos}${details?.retain === true ? 'r' : ''} ${topic}`;
    let allowed = own.remembered.get(key);
    if (allowed === undefined) {
      allowed = decide(own.rules, action, topic, details);
      if (own.remembered.size >= MAX_REMEMBERED) own.remembered.clear();
      own.remembered.set(key, allowed);
    }
    return allowed;
  };
}
