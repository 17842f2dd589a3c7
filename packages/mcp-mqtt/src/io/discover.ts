import type { InboundMessage, Link, Logger, Subscription } from '@shoal/mqtt-link';
import { readRetained, silentLogger } from '@shoal/mqtt-link';
import { decodeOnline, singleProperty, SUGGESTED_NAME_FILTERS, type JsonObject } from '../core/messages.ts';
import {
  assertServerNameFilter,
  matchesServerName,
  serverPresenceFilter,
  tryParseServerPresenceTopic,
} from '../core/topics.ts';

export interface DiscoveredMcpServer {
  readonly serverId: string;
  readonly serverName: string;
  readonly description: string;
  readonly meta: JsonObject;
  /** Changes when the server connects anew; undefined for other implementations. */
  readonly epoch?: string;
}

export interface McpServerEvents {
  /** Also for a server that announces itself again. */
  readonly onOnline: (server: DiscoveredMcpServer) => void;
  readonly onOffline: (server: { readonly serverId: string; readonly serverName: string }) => void;
  readonly logger?: Logger;
}

/**
 * The servers that are announced now and match `serverNameFilter` (`+` and `#` allowed; `#` for all). `link` may be any
 * connection. Where the broker suggested filters in CONNACK, those are used and the argument narrows them.
 */
export async function discoverMcpServers(
  link: Link,
  serverNameFilter: string,
  options: { readonly signal?: AbortSignal; readonly timeoutMs?: number; readonly logger?: Logger } = {},
): Promise<DiscoveredMcpServer[]> {
  const logger = options.logger ?? silentLogger;
  const found = new Map<string, DiscoveredMcpServer>();
  const { signal, timeoutMs } = options;
  for (const filter of presenceFilters(link, serverNameFilter)) {
    const retained = await readRetained(link, filter, {
      ...(signal === undefined ? {} : { signal }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    for (const message of retained.values()) {
      const server = readPresenceMessage(message, serverNameFilter, logger);
      if (server !== undefined && 'description' in server) found.set(message.topic, server);
    }
  }
  return [...found.values()];
}

/** Follows the servers that match, those already announced first. Close the result to stop. */
export async function watchMcpServers(
  link: Link,
  serverNameFilter: string,
  events: McpServerEvents,
  serverId?: string,
): Promise<{ close(): Promise<void> }> {
  const logger = events.logger ?? silentLogger;
  const receive = (message: InboundMessage): void => {
    const server = readPresenceMessage(message, serverNameFilter, logger);
    if (server === undefined || (serverId !== undefined && server.serverId !== serverId)) return;
    if ('description' in server) events.onOnline(server);
    else events.onOffline(server);
  };
  const subscriptions: Subscription[] = [];
  for (const filter of presenceFilters(link, serverNameFilter, serverId)) {
    subscriptions.push(await link.subscribe(filter, receive));
  }
  return {
    close: async () => {
      await Promise.all(subscriptions.map((subscription) => subscription.close()));
    },
  };
}

/** The broker's suggestion MUST be used where there is one ("server-name-filter"). */
function presenceFilters(link: Link, serverNameFilter: string, serverId?: string): string[] {
  assertServerNameFilter(serverNameFilter);
  const suggested = suggestedNameFilters(link);
  return (suggested ?? [serverNameFilter]).map((filter) => serverPresenceFilter(filter, serverId));
}

/** `MCP-SERVER-NAME-FILTERS` of CONNACK; undefined when absent or unusable. */
export function suggestedNameFilters(link: Link): readonly string[] | undefined {
  const text = singleProperty(link.broker?.userProperties ?? {}, SUGGESTED_NAME_FILTERS);
  if (text === undefined) return undefined;
  try {
    const filters = JSON.parse(text) as unknown;
    if (!Array.isArray(filters)) return undefined;
    return filters.filter((filter): filter is string => typeof filter === 'string');
  } catch {
    return undefined;
  }
}

function readPresenceMessage(
  message: InboundMessage,
  serverNameFilter: string,
  logger: Logger,
): DiscoveredMcpServer | { serverId: string; serverName: string } | undefined {
  const server = tryParseServerPresenceTopic(message.topic);
  if (server === undefined || !matchesServerName(serverNameFilter, server.serverName)) return undefined;
  if (message.payload.length === 0) return server;
  const notice = decodeOnline(message.payload, server.serverName);
  if (notice.ok) return { ...notice.value, ...server };
  logger.warn('MCP presence ignored', { topic: message.topic, problem: notice.problem });
  return undefined;
}
