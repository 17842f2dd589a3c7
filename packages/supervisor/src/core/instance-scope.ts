import { accessOf, mcpClientIdOf, type AccessGrant } from '@shoal/protocol';
import type { SpawnOrder } from '@shoal/workflow';

/** What a spawned agent may do on the broker: connect with these client ids, and use these topics. */
export interface InstanceScope {
  /** Names it to the broker: `step:{sessionId}/{stepId}` or `agent:{agentId}`. */
  readonly subject: string;
  /** The ids it may connect with; one that ends in `*` is a beginning. */
  readonly clientIds: readonly string[];
  /** Topic filters. */
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

type StepScope = Extract<SpawnOrder, { kind: 'step' }>;
type WhatIsSpawned =
  | Pick<StepScope, 'kind' | 'org' | 'unit' | 'sessionId' | 'stepId'>
  | Pick<Extract<SpawnOrder, { kind: 'agent' }>, 'kind' | 'org' | 'unit' | 'agentId'>;

const agentIdOf = (order: WhatIsSpawned): string =>
  order.kind === 'step' ? `${order.sessionId}.${order.stepId}` : order.agentId;

/**
 * Exactly what the instance of a step, or a long-lived agent, needs. A step: the records of its own session (it carries them when the
 * broker has lost them), probes of itself, requests to the agents and pools of its unit and their replies, cards, replies to callers of
 * its organisation. An agent: what `accessOf` grants to its role, so neither what is desired of it, nor who may spawn it, nor what
 * people and its device say: telemetry, approvals and what became of commands; and replies to callers of its organisation. MCP over MQTT has client ids and topics of its own: see `mcp` of `jwtIssuer`.
 */
export function scopeOf(order: WhatIsSpawned): InstanceScope {
  const { org, unit } = order;
  const agentId = agentIdOf(order);
  const tree = `shoal/v1/${org}/${unit}`;
  const clientIds = [`${org}/${unit}/${agentId}`, `${org}/${unit}/look-${agentId}-*`];
  // A client that looks has an id, and so a place for its markers, that nobody knows beforehand; markers carry a nonce.
  const markers = `${tree}/agent/+/marker/#`;
  const asks = [`$a2a/v1/request/${org}/${unit}/+`, `$a2a/v1/request/${org}/${unit}/pool/+`];
  const hears = [
    `$a2a/v1/request/${org}/${unit}/${agentId}`,
    `$a2a/v1/reply/${org}/${unit}/${agentId}/#`,
    `$a2a/v1/discovery/${org}/${unit}/+`,
    markers,
  ];
  const replies = `$a2a/v1/reply/${org}/#`;
  if (order.kind === 'step') {
    const session = `${tree}/session/${order.sessionId}/#`;
    return {
      subject: `step:${order.sessionId}/${order.stepId}`,
      clientIds,
      publish: [session, markers, ...asks, replies],
      subscribe: [session, `${tree}/broker/canary`, ...hears],
    };
  }
  const grants = accessOf('agent', { org, unit, id: agentId });
  const filtersOf = (wanted: AccessGrant['action']): readonly string[] =>
    grants.filter(({ action }) => action === wanted).map(({ filter }) => filter);
  return {
    subject: `agent:${agentId}`,
    clientIds,
    publish: [...filtersOf('publish'), replies],
    subscribe: filtersOf('subscribe'),
  };
}

/** Stands in a granted filter for the client id of the connection, as EMQX reads it. */
const CLIENT_ID_PLACEHOLDER = '${clientid}';
/** As `mcpClientAccess` of `@shoal/mcp-mqtt` writes the client id of whoever connects. */
const MCP_CLIENT_ID = '{mcpClientId}';
const MCP_TREES = /^\$mcp-(server|client|rpc)\/./;

/** What MCP over MQTT adds to a scope. Throws TypeError for a filter of another tree. */
export function mcpScopeOf(
  order: WhatIsSpawned,
  given:
    | {
        readonly access: readonly Pick<AccessGrant, 'action' | 'filter'>[];
        readonly serverIds?: readonly string[];
      }
    | undefined,
): Pick<InstanceScope, 'clientIds' | 'publish' | 'subscribe'> {
  if (given === undefined) return { clientIds: [], publish: [], subscribe: [] };
  const { access, serverIds = [] } = given;
  const wrong = access.find(({ filter }) => !MCP_TREES.test(filter));
  if (wrong !== undefined) throw new TypeError(`mcp.access: "${wrong.filter}" is no topic of MCP over MQTT`);
  const filtersOf = (wanted: AccessGrant['action']): readonly string[] =>
    access
      .filter(({ action }) => action === wanted)
      .map(({ filter }) => filter.replaceAll(MCP_CLIENT_ID, CLIENT_ID_PLACEHOLDER));
  const asClient = `${mcpClientIdOf({ ...order, agentId: agentIdOf(order) })}*`;
  return {
    clientIds: [asClient, ...serverIds],
    publish: filtersOf('publish'),
    subscribe: filtersOf('subscribe'),
  };
}

/** Whether every topic of `asked`, a topic or a filter, is one of `allowed`. */
export function covers(allowed: string, asked: string): boolean {
  const levels = allowed.split('/');
  const wanted = asked.split('/');
  for (const [index, level] of levels.entries()) {
    const word = wanted[index];
    if (level === '#') return true;
    if (word === undefined) return levels.length === index + 1 && level === '#';
    if (word === '#' || (level !== '+' && level !== word)) return false;
  }
  return levels.length === wanted.length;
}

const SUBJECT =
  /^(?:step:(?<sessionId>[A-Za-z0-9_.-]+)\/(?<stepId>[A-Za-z0-9_.-]+)|agent:(?<agentId>[A-Za-z0-9_.-]+))$/;

/** What the token names beyond the scope of its kind. */
function isGranted(
  { clientId, grants }: Parameters<typeof instanceAccess>[0],
  action: 'publish' | 'subscribe',
  topic: string,
): boolean {
  // Another level of a topic, or a wildcard, is no id.
  const id = /[/+#]/.test(clientId) ? undefined : clientId;
  return (grants?.[action] ?? []).some((filter) => {
    if (!filter.includes(CLIENT_ID_PLACEHOLDER)) return covers(filter, topic);
    return id !== undefined && covers(filter.replaceAll(CLIENT_ID_PLACEHOLDER, id), topic);
  });
}

/**
 * Whether a client that carries an issued credential may do this; undefined when it carries none, and the broker's other rules decide. For
 * `authorize` of `@shoal/broker`: `(client, ...asked) => instanceAccess(client, ...asked) ?? policy(client, ...asked)`.
 */
export function instanceAccess(
  client: {
    readonly clientId: string;
    readonly username?: string | undefined;
    readonly grants?: Pick<InstanceScope, 'publish' | 'subscribe'> | undefined;
  },
  action: 'publish' | 'subscribe',
  topic: string,
): boolean | undefined {
  const named = SUBJECT.exec(client.username ?? '')?.groups;
  if (named === undefined) return undefined;
  if (isGranted(client, action, topic)) return true;
  const [org, unit] = client.clientId.split('/');
  if (org === undefined || unit === undefined) return false;
  const { sessionId = '', stepId = '', agentId = '' } = named;
  const scope = scopeOf(
    agentId === '' ? { kind: 'step', org, unit, sessionId, stepId } : { kind: 'agent', org, unit, agentId },
  );
  return scope[action].some((filter) => covers(filter, topic));
}
