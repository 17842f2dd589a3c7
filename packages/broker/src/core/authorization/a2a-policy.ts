import type { AccessRule } from './policy.ts';

/**
 * How far an agent reaches. `own`: it answers, and asks nobody. `unit`, `org`: it also finds and asks the agents of its unit, or of
 * its organisation.
 */
export type A2aScope = 'own' | 'unit' | 'org';

const DISCOVERY = '$a2a/v1/discovery';
const SELF = '{org}/{unit}/{agent}';

interface Reach {
  readonly seen: readonly string[];
  readonly peers: string | undefined;
}

const reach: Readonly<Record<A2aScope, Reach>> = {
  own: { seen: [SELF], peers: undefined },
  unit: { seen: ['{org}/{unit}/+'], peers: '{org}/{unit}' },
  org: { seen: ['{org}/+/+', '{org}/#'], peers: '{org}/+' },
};

const records: Readonly<Record<A2aScope, readonly string[]>> = {
  own: ['shoal/v1/{org}/{unit}/agent/{agent}/#', 'shoal/v1/{org}/{unit}/device/{agent}/#'],
  unit: ['shoal/v1/{org}/{unit}/#'],
  org: ['shoal/v1/{org}/{unit}/#'],
};

/**
 * Exactly the topics that an agent needs, and nothing for clients whose id is not `org/unit/agent`: its own card (retained, QoS 1), the
 * requests to it and, beyond `own`, to the pools of its unit; requests to its scope; replies; its own events; Shoal's records of its
 * unit, or its own ones. Requests and replies cannot be retained. Wills need the same rights.
 */
export function a2aPolicy(scope: A2aScope = 'unit'): readonly AccessRule[] {
  const { seen, peers } = reach[scope];
  const subscriptions = [
    ...seen.map((agents) => `${DISCOVERY}/${agents}`),
    ...seen.map((agents) => `$a2a/v1/event/${agents}`),
    `$a2a/v1/request/${SELF}`,
    `$a2a/v1/reply/${SELF}/#`,
  ];
  const requests: AccessRule[] = [];
  if (peers !== undefined) {
    subscriptions.push('$a2a/v1/request/{org}/{unit}/pool/+');
    const topics = [`$a2a/v1/request/${peers}/+`, `$a2a/v1/request/${peers}/pool/+`];
    requests.push({ effect: 'allow', action: 'publish', retain: false, topics });
  }
  const replies = `$a2a/v1/reply/${peers ?? '{org}/{unit}'}/#`;
  return [
    { effect: 'allow', action: 'publish', retain: true, qos: [1], topics: [`${DISCOVERY}/${SELF}`] },
    { effect: 'allow', action: 'subscribe', topics: subscriptions },
    ...requests,
    { effect: 'allow', action: 'publish', retain: false, topics: [replies] },
    { effect: 'allow', action: 'publish', topics: [`$a2a/v1/event/${SELF}`] },
    { effect: 'allow', topics: records[scope] },
    { effect: 'allow', action: 'subscribe', topics: ['$SYS/broker/#'] },
  ];
}
