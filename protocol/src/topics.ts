/** The `$a2a/v1` tree of the A2A-over-MQTT profile 0.1. */
import { assertAgentId, assertIdentifier, groupIdOf, isIdentifier } from './identifiers.ts';

export interface AgentAddress {
  readonly org: string;
  readonly unit: string;
  readonly agentId: string;
}

export interface PoolAddress {
  readonly org: string;
  readonly unit: string;
  readonly poolId: string;
}

/** Where to look; what is unset matches everything at its level. */
export interface AddressPattern {
  readonly org?: string | undefined;
  readonly unit?: string | undefined;
  readonly agentId?: string | undefined;
}

export type A2aTopic =
  | { readonly kind: 'discovery' | 'request' | 'event'; readonly address: AgentAddress }
  | { readonly kind: 'reply'; readonly address: AgentAddress; readonly suffix: string }
  | ({ readonly kind: 'pool' } & PoolAddress);

const root = '$a2a/v1';

function pathOf(address: AgentAddress): string {
  assertIdentifier('org', address.org);
  assertIdentifier('unit', address.unit);
  assertAgentId('agentId', address.agentId);
  return `${address.org}/${address.unit}/${address.agentId}`;
}

/** The retained Agent Card. */
export function discoveryTopic(address: AgentAddress): string {
  return `${root}/discovery/${pathOf(address)}`;
}

/** Where an agent takes requests. Throws ProtocolError `invalid-identifier`. */
export function requestTopic(address: AgentAddress): string {
  return `${root}/request/${pathOf(address)}`;
}

/** Where an agent publishes its events. Throws ProtocolError `invalid-identifier`. */
export function eventTopic(address: AgentAddress): string {
  return `${root}/event/${pathOf(address)}`;
}

/** `address` is the requester's; `suffix` should be hard to guess (profile: Client Session). */
export function replyTopic(address: AgentAddress, suffix: string): string {
  assertIdentifier('suffix', suffix);
  return `${root}/reply/${pathOf(address)}/${suffix}`;
}

/** Where a pool takes requests; members subscribe with `poolSubscription`. Throws ProtocolError `invalid-identifier`. */
export function poolRequestTopic(pool: PoolAddress): string {
  assertIdentifier('org', pool.org);
  assertIdentifier('unit', pool.unit);
  assertIdentifier('poolId', pool.poolId);
  return `${root}/request/${pool.org}/${pool.unit}/pool/${pool.poolId}`;
}

/** What a member of the pool subscribes to. `groupId` defaults to `groupIdOf(pool)`; every member must use the same. */
export function poolSubscription(pool: PoolAddress, groupId: string = groupIdOf(pool)): string {
  assertIdentifier('groupId', groupId);
  return `$share/${groupId}/${poolRequestTopic(pool)}`;
}

function filterLevels(pattern: AddressPattern): string {
  const { org, unit, agentId } = pattern;
  if (org !== undefined) assertIdentifier('org', org);
  if (unit !== undefined) assertIdentifier('unit', unit);
  if (agentId !== undefined) assertAgentId('agentId', agentId);
  return `${org ?? '+'}/${unit ?? '+'}/${agentId ?? '+'}`;
}

/** Subscribes to cards. What the pattern leaves out matches everything. Throws ProtocolError `invalid-identifier`. */
export function discoveryFilter(pattern: AddressPattern = {}): string {
  return `${root}/discovery/${filterLevels(pattern)}`;
}

/** Requests to every agent that matches; pools have one level more and do not. */
export function requestFilter(pattern: AddressPattern = {}): string {
  return `${root}/request/${filterLevels(pattern)}`;
}

/** Subscribes to events. What the pattern leaves out matches everything. Throws ProtocolError `invalid-identifier`. */
export function eventFilter(pattern: AddressPattern = {}): string {
  return `${root}/event/${filterLevels(pattern)}`;
}

/** The MQTT client id of an agent: `{org}/{unit}/{agentId}`. */
export function clientIdOf(address: AgentAddress): string {
  return pathOf(address);
}

/**
 * What the client ids of an agent's connections as an MCP client begin with: MCP over MQTT wants a new one for each, without slashes. The
 * colons are in no identifier, so it is the beginning of no other agent's.
 */
export function mcpClientIdOf(address: AgentAddress): string {
  return `mcp-${pathOf(address).replaceAll('/', ':')}:`;
}

/** Undefined for a client id that is no agent: another number of levels, or a level that is no identifier. */
export function parseClientId(clientId: string): AgentAddress | undefined {
  const levels = clientId.split('/');
  return levels.length === 3 ? addressFrom(levels) : undefined;
}

/** Undefined for a topic that is not of this tree or whose ids are not identifiers. */
export function parseA2aTopic(topic: string): A2aTopic | undefined {
  const [tree, version, kind, ...levels] = topic.split('/');
  if (tree !== '$a2a' || version !== 'v1') return undefined;
  if (kind === 'reply') return parseReply(levels);
  if (kind === 'request' && levels.length === 4) return parsePool(levels);
  if (levels.length !== 3 || (kind !== 'discovery' && kind !== 'request' && kind !== 'event'))
    return undefined;
  const address = addressFrom(levels);
  return address && { kind, address };
}

function parseReply(levels: readonly string[]): A2aTopic | undefined {
  const suffix = levels[3];
  const address = addressFrom(levels);
  if (levels.length !== 4 || !isIdentifier(suffix) || !address) return undefined;
  return { kind: 'reply', address, suffix };
}

function parsePool([org, unit, word, poolId]: readonly string[]): A2aTopic | undefined {
  if (word !== 'pool' || !isIdentifier(org) || !isIdentifier(unit) || !isIdentifier(poolId)) return undefined;
  return { kind: 'pool', org, unit, poolId };
}

function addressFrom([org, unit, agentId]: readonly string[]): AgentAddress | undefined {
  if (!isIdentifier(org) || !isIdentifier(unit) || !isIdentifier(agentId) || agentId === 'pool')
    return undefined;
  return { org, unit, agentId };
}
