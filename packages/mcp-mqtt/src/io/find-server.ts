import type { Link, Logger } from '@shoal/mqtt-link';
import { McpMqttError } from '../core/errors.ts';
import { matchesServerName } from '../core/topics.ts';
import { suggestedNameFilters, watchMcpServers, type DiscoveredMcpServer } from './discover.ts';

/** Chooses one of the instances that share a server name; there is at least one. */
export type ChooseServer = (instances: readonly DiscoveredMcpServer[]) => DiscoveredMcpServer;

export interface FindServerOptions {
  readonly serverName: string;
  readonly serverId?: string;
  readonly choose: ChooseServer;
  /** Server ids that are only taken when there is no other. */
  readonly avoid: ReadonlySet<string>;
  readonly timeoutMs: number;
  readonly logger: Logger;
  /** Everything that the presence topics say from now on, for as long as the link lives. */
  readonly onOnline: (server: DiscoveredMcpServer) => void;
  readonly onOffline: (serverId: string) => void;
  /** Ends the wait with its reason. */
  readonly closed: Promise<McpMqttError>;
}

/** Retained presences arrive together: once the first is here, the others need no more than this. */
const GATHER_MS = 25;

/** One of the instances that are announced; waits for the first. Rejects with `server-not-found` or `not-allowed`. */
export async function findServer(link: Link, options: FindServerOptions): Promise<DiscoveredMcpServer> {
  const { serverName, serverId, timeoutMs, logger } = options;
  const suggested = suggestedNameFilters(link);
  if (suggested !== undefined && !suggested.some((filter) => matchesServerName(filter, serverName))) {
    throw new McpMqttError(
      'not-allowed',
      `the broker's filters ${JSON.stringify(suggested)} do not cover ${serverName}`,
    );
  }
  const instances = new Map<string, DiscoveredMcpServer>();
  let gathering: NodeJS.Timeout | undefined;
  let deadline: NodeJS.Timeout | undefined;
  const found = new Promise<DiscoveredMcpServer>((resolve, reject) => {
    const settle = (): void => {
      gathering = undefined;
      const choice = choiceOf([...instances.values()], options);
      if (choice !== undefined) resolve(choice);
    };
    const onOnline = (server: DiscoveredMcpServer): void => {
      instances.set(server.serverId, server);
      if (serverId !== undefined) resolve(server);
      else gathering ??= setTimeout(settle, GATHER_MS);
      options.onOnline(server);
    };
    const onOffline = (server: { readonly serverId: string }): void => {
      instances.delete(server.serverId);
      options.onOffline(server.serverId);
    };
    watchMcpServers(link, serverName, { onOnline, onOffline, logger }, serverId).catch(reject);
    deadline = setTimeout(() => {
      const which = serverId === undefined ? serverName : `${serverName} (server id ${serverId})`;
      reject(
        new McpMqttError('server-not-found', `no MCP server ${which} announced itself in ${timeoutMs} ms`),
      );
    }, timeoutMs);
    void options.closed.then(reject);
  });
  return found.finally(() => {
    clearTimeout(deadline);
    clearTimeout(gathering);
  });
}

function choiceOf(
  instances: readonly DiscoveredMcpServer[],
  { choose, avoid }: FindServerOptions,
): DiscoveredMcpServer | undefined {
  if (instances.length === 0) return undefined;
  const fresh = instances.filter(({ serverId }) => !avoid.has(serverId));
  return choose(fresh.length > 0 ? fresh : instances);
}

/** The default: spreads clients over instances without any of them knowing of the others ("Load Balancing and Scalability"). */
export const chooseAtRandom: ChooseServer = (instances) =>
  instances[Math.floor(Math.random() * instances.length)]!;
