import { ProtocolError, type Client, type ClientOptions } from '@modelcontextprotocol/client';
import { isMcpMqttError, type McpMqttError } from '../core/errors.ts';
import type { McpRole } from '../core/rbac.ts';
import { requestTimeoutMs, type RequestTimeouts } from '../core/timeouts.ts';
import { MqttClientTransport, type MqttClientTransportOptions } from './client-transport.ts';
import type { DiscoveredMcpServer } from './discover.ts';
import { createMcpClient } from './mcp-client.ts';
import { SERVER_BUSY } from './server-transport.ts';

export interface ConnectMcpOptions extends MqttClientTransportOptions {
  /** Milliseconds by method, `default` for the others. Default 60 000 for `tools/call`, 10 000 for `ping`, else 30 000. */
  readonly timeouts?: RequestTimeouts;
  /** Sent in `initialize`. */
  readonly clientInfo?: { readonly name: string; readonly version: string };
  /**
   * Instances that are tried before giving up: one that is busy, silent or dies during the handshake is followed by another of the same
   * name. Default 3. 1 tries no second. With `serverId` set there is only one.
   */
  readonly maxInstances?: number;
  /** Options of the MCP SDK's client: capabilities, list-changed handlers. */
  readonly clientOptions?: ClientOptions;
}

export interface McpConnection {
  /** The SDK's client: `listTools`, `callTool`, `ping`, … Errors of the connection arrive as `McpMqttError`. */
  readonly client: Client;
  readonly server: DiscoveredMcpServer;
  /** What the broker's `MCP-RBAC` lets this client do on the server; undefined when it said nothing of roles. */
  readonly roles: readonly McpRole[] | undefined;
  /** The MQTT client id of this connection. */
  readonly mcpClientId: string;
  /** Resolves when the connection has ended, with the reason: `server-offline`, `connection-lost`, `closed`, … */
  readonly closed: Promise<McpMqttError>;
  /** Tells the server and disconnects. Calling twice is fine. */
  readonly close: () => Promise<void>;
}

/**
 * Finds the server, opens a connection of its own and runs the `initialize` handshake. Rejects with `server-not-found`,
 * `server-offline`, `request-timeout`, `not-allowed`, a `LinkError`, or the SDK's `ProtocolError` when the server refuses.
 * It does not reconnect: on `closed`, connect again.
 */
export async function connectMcp(options: ConnectMcpOptions): Promise<McpConnection> {
  const { maxInstances = 3, serverId } = options;
  const failed = new Set(options.avoid);
  for (let tried = 1; ; tried += 1) {
    const transport = new MqttClientTransport({ ...options, avoid: failed });
    try {
      return await connectOnce(transport, options);
    } catch (error) {
      const { server, instances } = transport;
      if (server === undefined || serverId !== undefined || !isInstanceFault(error)) throw error;
      failed.add(server.serverId);
      if (tried >= maxInstances || instances.every((id) => failed.has(id))) throw error;
      options.logger?.warn('MCP server instance not usable, trying another', {
        serverName: options.serverName,
        serverId: server.serverId,
        error: String(error),
      });
    }
  }
}

function isInstanceFault(error: unknown): boolean {
  if (ProtocolError.isInstance(error)) return error.code === SERVER_BUSY || error.code === -32_603;
  return isMcpMqttError(error, 'request-timeout') || isMcpMqttError(error, 'server-offline');
}

async function connectOnce(
  transport: MqttClientTransport,
  options: ConnectMcpOptions,
): Promise<McpConnection> {
  const info = options.clientInfo ?? { name: '@shoal/mcp-mqtt', version: '0.0.0' };
  const client = createMcpClient(info, transport, options.timeouts ?? {}, options.clientOptions ?? {});
  // Also reported through `closed`; without a listener the SDK stays silent anyway.
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK has no other
  client.onerror = (error) => options.logger?.debug('MCP client', { error: error.message });
  await client.connect(transport, {
    timeout: requestTimeoutMs('initialize', options.timeouts),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  return {
    client,
    server: transport.server!,
    roles: transport.roles,
    mcpClientId: transport.mcpClientId,
    closed: transport.closed,
    close: () => transport.close(),
  };
}
