import type { Transport } from '@modelcontextprotocol/client';
import { openLink, silentLogger, type Link, type LinkOptions, type Logger } from '@shoal/mqtt-link';
import {
  connectProperties,
  singleProperty,
  SUGGESTED_SERVER_NAME,
  type JsonObject,
} from '../core/messages.ts';
import { assertServerId, assertServerName, serverPresenceTopic } from '../core/topics.ts';
import { McpServing } from './serving.ts';

/** `McpServer` and `Server` of the MCP SDK have this shape. */
export interface ConnectableServer {
  connect(transport: Transport): Promise<void>;
}

export interface ServeMcpOptions extends Pick<
  LinkOptions,
  'username' | 'password' | 'reconnect' | 'keepAliveSeconds'
> {
  readonly url: string;
  /** Also the MQTT client id: unique on the broker, without `/`, `+` and `#`. */
  readonly serverId: string;
  /** Levels separated by `/`. The broker may impose another one with `MCP-SERVER-NAME`. */
  readonly serverName: string;
  /** What the server offers, in a sentence or two: retained on the broker for discovery. */
  readonly description: string;
  /** Retained with the description; `rbac` in it is the specification's. */
  readonly meta?: JsonObject;
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
  readonly logger?: Logger;
}

/**
 * Connects, announces the server with a retained presence message, and runs one MCP session per client until `stop`.
 * Reconnects by itself; the sessions end with the connection, as the specification wants (session expiry 0).
 * Rejects with the link's `LinkError`, or `invalid-id`.
 */
export async function serveMcp(options: ServeMcpOptions): Promise<McpServing> {
  assertServerId(options.serverId);
  const { link, serverName } = await openNamed(options);
  const serving = new McpServing({
    link,
    serverId: options.serverId,
    serverName,
    description: options.description,
    meta: options.meta ?? {},
    server: options.server,
    maxSessions: options.maxSessions ?? 32,
    maxInFlight: options.maxInFlight ?? 64,
    handshakeTimeoutMs: options.handshakeTimeoutMs ?? 30_000,
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
async function openNamed(options: ServeMcpOptions): Promise<{ link: Link; serverName: string }> {
  assertServerName(options.serverName);
  const link = await open(options, options.serverName);
  const suggested = singleProperty(link.broker?.userProperties ?? {}, SUGGESTED_SERVER_NAME);
  if (suggested === undefined || suggested === options.serverName)
    return { link, serverName: options.serverName };
  await link.close();
  assertServerName(suggested);
  return { link: await open(options, suggested), serverName: suggested };
}

function open(options: ServeMcpOptions, serverName: string): Promise<Link> {
  return openLink({
    url: options.url,
    clientId: options.serverId,
    cleanStart: true,
    sessionExpirySeconds: 0,
    fenced: true,
    will: {
      topic: serverPresenceTopic({ serverId: options.serverId, serverName }),
      payload: '',
      qos: 1,
      retain: true,
    },
    userProperties: connectProperties(
      'mcp-server',
      options.connectMeta ?? { implementation: '@shoal/mcp-mqtt' },
    ),
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(options.reconnect === undefined ? {} : { reconnect: options.reconnect }),
    ...(options.keepAliveSeconds === undefined ? {} : { keepAliveSeconds: options.keepAliveSeconds }),
    ...(options.logger === undefined ? {} : { logger: options.logger }),
  });
}
