/** Topics of MCP over MQTT (2025-03-26, "Message Topics"). Pure. */
import { McpMqttError } from './errors.ts';

export interface McpServerRef {
  /** The MQTT client id of this instance. */
  readonly serverId: string;
  /** Hierarchical, shared by equivalent instances: `shoal/acme/plant-1/pump-01`. */
  readonly serverName: string;
}

const SERVER = '$mcp-server';
const CLIENT = '$mcp-client';
const RPC = '$mcp-rpc';

/** Not in the specification, but `$mcp-server/presence/…` could no longer be told from a control topic. */
const RESERVED_SERVER_IDS = new Set(['presence', 'capability']);

export const controlTopic = (server: McpServerRef): string =>
  `${SERVER}/${server.serverId}/${server.serverName}`;
export const serverPresenceTopic = (server: McpServerRef): string =>
  `${SERVER}/presence/${server.serverId}/${server.serverName}`;
export const serverCapabilityTopic = (server: McpServerRef): string =>
  `${SERVER}/capability/${server.serverId}/${server.serverName}`;
export const clientPresenceTopic = (mcpClientId: string): string => `${CLIENT}/presence/${mcpClientId}`;
export const clientCapabilityTopic = (mcpClientId: string): string => `${CLIENT}/capability/${mcpClientId}`;
export const rpcTopic = (mcpClientId: string, server: McpServerRef): string =>
  `${RPC}/${mcpClientId}/${server.serverId}/${server.serverName}`;

/** The discovery filter. `serverNameFilter` may hold `+` and `#`; `serverId` unset means every instance. */
export function serverPresenceFilter(serverNameFilter: string, serverId?: string): string {
  assertServerNameFilter(serverNameFilter);
  if (serverId !== undefined) assertServerId(serverId);
  return `${SERVER}/presence/${serverId ?? '+'}/${serverNameFilter}`;
}

/** The server that a presence topic speaks of; undefined for any other topic. */
export function tryParseServerPresenceTopic(topic: string): McpServerRef | undefined {
  const prefix = `${SERVER}/presence/`;
  if (!topic.startsWith(prefix)) return undefined;
  const rest = topic.slice(prefix.length);
  const slash = rest.indexOf('/');
  if (slash <= 0 || slash === rest.length - 1) return undefined;
  return { serverId: rest.slice(0, slash), serverName: rest.slice(slash + 1) };
}

/** MQTT 5 §4.7 matching, without the `$` rule: server names never are the first level of a topic. */
export function matchesServerName(filter: string, serverName: string): boolean {
  const wanted = filter.split('/');
  const levels = serverName.split('/');
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true;
    if (index >= levels.length || (level !== '+' && level !== levels[index])) return false;
  }
  return wanted.length === levels.length;
}

export function isMcpId(value: string): boolean {
  return value.length > 0 && value.length <= 200 && !/[/+#]/.test(value) && !value.includes('\0');
}

export function assertMcpClientId(value: string): void {
  if (!isMcpId(value)) throw invalid('client id', value, 'use 1 to 200 characters without "/", "+" and "#"');
}

export function assertServerId(value: string): void {
  if (!isMcpId(value)) throw invalid('server id', value, 'use 1 to 200 characters without "/", "+" and "#"');
  if (RESERVED_SERVER_IDS.has(value))
    throw invalid('server id', value, 'this word is a level of the presence topic');
}

export function assertServerName(value: string): void {
  if (/[+#]/.test(value) || value.includes('\0') || value.split('/').includes('')) {
    throw invalid('server name', value, 'use levels separated by "/", none empty, without "+" and "#"');
  }
}

export function assertServerNameFilter(value: string): void {
  const levels = value.split('/');
  const wrong = levels.some(
    (level, index) =>
      level === '' ||
      (level.includes('#') && (level !== '#' || index !== levels.length - 1)) ||
      (level.includes('+') && level !== '+'),
  );
  if (wrong) throw invalid('server name filter', value, '"+" and "#" stand for whole levels, "#" comes last');
}

function invalid(field: string, value: string, fix: string): McpMqttError {
  return new McpMqttError(
    'invalid-id',
    `${field} ${JSON.stringify(value)} cannot be part of an MCP topic: ${fix}`,
  );
}
