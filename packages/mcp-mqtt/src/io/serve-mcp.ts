import type { Transport } from '@modelcontextprotocol/client';
import { openLink, silentLogger, type Link, type LinkOptions } from '@shoal/mqtt-link';
import {
  connectProperties,
  publishProperties,
  singleProperty,
  SUGGESTED_SERVER_NAME,
  type JsonObject,
} from '../core/messages.ts';
import { encodeRoles, type McpRole } from '../core/rbac.ts';
import type { RequestTimeouts } from '../core/timeouts.ts';
import { assertServerId, assertServerName, serverPresenceTopic, type McpServerRef } from '../core/topics.ts';
import { linkChoices, type LinkChoices } from './link-choices.ts';
import { McpServing } from './serving.ts';

/** `McpServer` and `Server` of the MCP SDK have this shape. */
export interface ConnectableServer {
  connect(transport: Transport): Promise<void>;
}

export interface ServeMcpOptions extends LinkChoices, Pick<LinkOptions, 'reconnect'> {
  /** Also the MQTT client id: unique on the broker, without `/`, `+` and `#`. Default: `mcp-` and something random. */
  readonly serverId?: string;
  /** Levels separated by `/`. The broker may impose another one with `MCP-SERVER-NAME`. */
  readonly serverName: string;
  /** What the server offers, in a sentence or two: retained on the broker for discovery. Default empty. */
  readonly description?: string;
  /** Retained with the description. */
  readonly meta?: JsonObject;
  /**
   * Roles, announced as `meta.rbac`, and who has them by the id of the client, which the broker must vouch for. What no role of a
   * client allows is answered with error -32011. Unset: everybody may do everything.
   */
  readonly rbac?: {
    readonly roles: readonly McpRole[];
    readonly rolesOf: (session: { readonly mcpClientId: string }) => readonly string[];
  };
  /** `MCP-META` of the CONNECT packet: version, implementation, location. */
  readonly connectMeta?: JsonObject;
  /** Makes the server of one session; the session closes it. */
  readonly server: (session: {
    readonly mcpClientId: string;
  }) => ConnectableServer | Promise<ConnectableServer>;
  /** Clients served at once; one more is answered with an error. Default 32. */
  readonly maxSessions?: number;
  /** Unanswered requests per client; one more is answered with an error. Default 64. */
  readonly maxInFlight?: number;
  /** A session that has not sent `notifications/initialized` by then is dropped. Default 30 000. */
  readonly handshakeTimeoutMs?: number;
  /** Messages of more bytes than this are logged and ignored. Default 1 048 576. */
  readonly maxMessageBytes?: number;
  /** A client that is silent for this long is asked with `ping`; 0 never. Default 300 000. */
  readonly pingAfterMs?: number;
  /** A `ping` that is not answered in this time ends the session. Default 10 000. */
  readonly pingTimeoutMs?: number;
  /** Milliseconds by method, `default` for the others, for what the server asks its clients. Default as in `connectMcp`. */
  readonly timeouts?: RequestTimeouts;
}

/**
 * Connects, announces the server with a retained presence message, and runs one MCP session per client until `stop`.
 * Reconnects by itself; the sessions end with the connection, as the specification wants (session expiry 0).
 * Rejects with the link's `LinkError`, or `invalid-id`.
 */
export async function serveMcp(options: ServeMcpOptions): Promise<McpServing> {
  const { serverId = `mcp-${crypto.randomUUID()}`, rbac } = options;
  assertServerId(serverId);
  const { link, serverName } = await openNamed(options, serverId);
  const meta = { ...options.meta, ...(rbac === undefined ? {} : { rbac: encodeRoles(rbac.roles) }) };
  const serving = new McpServing({
    link,
    serverId,
    serverName,
    description: options.description ?? '',
    meta,
    roles: rbac?.roles,
    rolesOf: rbac?.rolesOf,
    server: options.server,
    maxSessions: options.maxSessions ?? 32,
    handshakeTimeoutMs: options.handshakeTimeoutMs ?? 30_000,
    timeouts: options.timeouts ?? {},
    session: options,
    logger: options.logger ?? silentLogger,
  });
  try {
    await serving.start();
  } catch (error) {
    await link.close();
    throw error;
  }
  return serving;
}

/** The will names the server, so a name that the broker suggests in CONNACK needs a second CONNECT. */
async function openNamed(
  options: ServeMcpOptions,
  serverId: string,
): Promise<{ link: Link; serverName: string }> {
  assertServerName(options.serverName);
  const link = await open(options, { serverId, serverName: options.serverName });
  const suggested = singleProperty(link.broker?.userProperties ?? {}, SUGGESTED_SERVER_NAME);
  if (suggested === undefined || suggested === options.serverName)
    return { link, serverName: options.serverName };
  await link.close();
  assertServerName(suggested);
  return { link: await open(options, { serverId, serverName: suggested }), serverName: suggested };
}

function open(options: ServeMcpOptions, server: McpServerRef): Promise<Link> {
  const { connectMeta = { implementation: '@shoal/mcp-mqtt' }, reconnect } = options;
  return openLink({
    ...linkChoices(options),
    ...(reconnect === undefined ? {} : { reconnect }),
    clientId: server.serverId,
    cleanStart: true,
    sessionExpirySeconds: 0,
    fenced: true,
    will: {
      topic: serverPresenceTopic(server),
      payload: '',
      qos: 1,
      retain: true,
      userProperties: publishProperties('mcp-server', server.serverId),
    },
    userProperties: connectProperties('mcp-server', connectMeta),
  });
}
