import { randomUUID } from 'node:crypto';
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import {
  openLink,
  silentLogger,
  type InboundMessage,
  type Link,
  type LinkOptions,
  type Logger,
} from '@shoal/mqtt-link';
import { McpMqttError } from '../core/errors.ts';
import {
  connectProperties,
  decodeMessage,
  DISCONNECTED,
  disconnectedPayload,
  isCapabilityChange,
  type JsonObject,
} from '../core/messages.ts';
import {
  assertMcpClientId,
  assertServerName,
  clientCapabilityTopic,
  clientPresenceTopic,
  controlTopic,
  matchesServerName,
  rpcTopic,
  serverCapabilityTopic,
} from '../core/topics.ts';
import { suggestedNameFilters, watchMcpServers, type DiscoveredMcpServer } from './discover.ts';
import { createPublisher, type McpPublisher } from './publisher.ts';

export interface MqttClientTransportOptions extends Pick<
  LinkOptions,
  'username' | 'password' | 'keepAliveSeconds' | 'connectTimeoutMs'
> {
  readonly url: string;
  /** The server's full name, without wildcards. */
  readonly serverName: string;
  /** One instance among servers of the same name. Default: the first that is announced. */
  readonly serverId?: string;
  /** The beginning of the MQTT client id; a fresh ending is added, as each `initialize` needs a new id. Default `mcp`. */
  readonly clientId?: string;
  /** `MCP-META` of the CONNECT packet. */
  readonly connectMeta?: JsonObject;
  /** Longest wait for the server's presence. Default 10 000. */
  readonly discoveryTimeoutMs?: number;
  /** Gives up while connecting; the connection that stands is not touched. */
  readonly signal?: AbortSignal;
  readonly logger?: Logger;
}

/**
 * One connection to one server, as the MCP SDK's `Transport`. It never reconnects: an MCP session ends with its MQTT
 * connection, so the application connects again with a new transport. `closed` says why it ended.
 */
export class MqttClientTransport implements Transport {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: Transport['onmessage'];
  /** New for each transport; also the MQTT client id. */
  readonly mcpClientId: string;
  /** Resolves when the transport has ended, with the reason. */
  readonly closed: Promise<McpMqttError>;

  readonly #options: MqttClientTransportOptions;
  readonly #logger: Logger;
  readonly #settleClosed: (reason: McpMqttError) => void;
  #reason: McpMqttError | undefined;
  #link: Link | undefined;
  #publisher: McpPublisher | undefined;
  #server: DiscoveredMcpServer | undefined;

  constructor(options: MqttClientTransportOptions) {
    assertServerName(options.serverName);
    this.mcpClientId = `${options.clientId ?? 'mcp'}-${randomUUID().replaceAll('-', '').slice(0, 16)}`;
    assertMcpClientId(this.mcpClientId);
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    let settle!: (reason: McpMqttError) => void;
    this.closed = new Promise((resolve) => (settle = resolve));
    this.#settleClosed = settle;
  }

  /** The instance that was found; undefined before `start`. */
  get server(): DiscoveredMcpServer | undefined {
    return this.#server;
  }

  /** Why the transport ended; undefined while it stands. */
  get closeReason(): McpMqttError | undefined {
    return this.#reason;
  }

  /** Connects, waits for the server's presence, subscribes. Rejects with a `LinkError`, `server-not-found` or `not-allowed`. */
  async start(): Promise<void> {
    const { signal } = this.#options;
    const abort = (): void =>
      this.#end(new McpMqttError('closed', 'connecting was aborted', { cause: signal?.reason }));
    signal?.addEventListener('abort', abort);
    try {
      if (signal?.aborted === true) abort();
      await this.#connect();
    } catch (error) {
      this.#end(new McpMqttError('closed', 'the transport was not started', { cause: error }));
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  async #connect(): Promise<void> {
    this.#assertOpen();
    const link = await this.#open();
    this.#link = link;
    this.#assertOpen();
    this.#publisher = createPublisher(link, 'mcp-client');
    this.#server = await this.#findServer(link);
    const receive = (message: InboundMessage): void => this.#receive(message);
    await Promise.all([
      link.subscribe(serverCapabilityTopic(this.#server), receive),
      link.subscribe(rpcTopic(this.mcpClientId, this.#server), receive, { noLocal: true }),
    ]);
    this.#assertOpen();
  }

  #assertOpen(): void {
    if (this.#reason === undefined) return;
    // Ended before the link was there to be closed with it.
    this.#link?.close().catch((error: unknown) => this.#logger.debug('MCP link close', { error }));
    throw this.#reason;
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#reason !== undefined) throw this.#reason;
    if (this.#server === undefined || this.#publisher === undefined)
      throw new McpMqttError('closed', 'not started');
    await this.#publisher.publish(this.#topicOf(message, this.#server), JSON.stringify(message));
  }

  /** Tells the server ("Client Disconnect") and disconnects. Calling twice is fine. */
  async close(): Promise<void> {
    await this.#leave(new McpMqttError('closed', 'the client closed the connection'));
  }

  /** As `close`, for a server that stopped answering ("Health Checks"). */
  async abandon(reason: McpMqttError): Promise<void> {
    await this.#leave(reason);
  }

  async #leave(reason: McpMqttError): Promise<void> {
    if (this.#reason !== undefined) return;
    const told = this.#publisher?.publish(clientPresenceTopic(this.mcpClientId), disconnectedPayload);
    await told?.catch((error: unknown) => this.#logger.debug('MCP server not told', { error }));
    this.#end(reason);
  }

  #topicOf(message: JSONRPCMessage, server: DiscoveredMcpServer): string {
    if ('method' in message && message.method === 'initialize') return controlTopic(server);
    return isCapabilityChange(message)
      ? clientCapabilityTopic(this.mcpClientId)
      : rpcTopic(this.mcpClientId, server);
  }

  async #open(): Promise<Link> {
    const { url, username, password, keepAliveSeconds, connectTimeoutMs, connectMeta, logger } =
      this.#options;
    const link = await openLink({
      url,
      clientId: this.mcpClientId,
      cleanStart: true,
      sessionExpirySeconds: 0,
      fenced: true,
      reconnect: false,
      will: { topic: clientPresenceTopic(this.mcpClientId), payload: disconnectedPayload, qos: 1 },
      userProperties: connectProperties('mcp-client', connectMeta ?? { implementation: '@shoal/mcp-mqtt' }),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(keepAliveSeconds === undefined ? {} : { keepAliveSeconds }),
      ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
      ...(logger === undefined ? {} : { logger }),
    });
    const lost = (): void =>
      this.#end(new McpMqttError('connection-lost', 'the MQTT connection to the broker was lost'));
    link.on('offline', lost);
    link.on('fenced', lost);
    link.on('closed', lost);
    return link;
  }

  async #findServer(link: Link): Promise<DiscoveredMcpServer> {
    const { serverName, serverId, discoveryTimeoutMs = 10_000 } = this.#options;
    const suggested = suggestedNameFilters(link);
    if (suggested !== undefined && !suggested.some((filter) => matchesServerName(filter, serverName))) {
      throw new McpMqttError(
        'not-allowed',
        `the broker's filters ${JSON.stringify(suggested)} do not cover ${serverName}`,
      );
    }
    let timer: NodeJS.Timeout | undefined;
    const found = new Promise<DiscoveredMcpServer>((resolve, reject) => {
      const onOnline = (server: DiscoveredMcpServer): void => {
        resolve(server);
        this.#restarted(server);
      };
      const onOffline = (server: { serverId: string }): void => this.#offline(server.serverId);
      watchMcpServers(link, serverName, { onOnline, onOffline, logger: this.#logger }, serverId).catch(
        reject,
      );
      timer = setTimeout(() => {
        const which = serverId === undefined ? serverName : `${serverName} (server id ${serverId})`;
        reject(
          new McpMqttError(
            'server-not-found',
            `no MCP server ${which} announced itself in ${discoveryTimeoutMs} ms`,
          ),
        );
      }, discoveryTimeoutMs);
      void this.closed.then(reject);
    });
    return found.finally(() => clearTimeout(timer));
  }

  #restarted(server: DiscoveredMcpServer): void {
    const current = this.#server;
    if (current === undefined || current.serverId !== server.serverId || current.epoch === server.epoch)
      return;
    this.#end(new McpMqttError('server-offline', `MCP server ${server.serverName} restarted`));
  }

  #offline(serverId: string): void {
    if (this.#server?.serverId !== serverId) return;
    const { serverName } = this.#options;
    this.#end(new McpMqttError('server-offline', `MCP server ${serverName} (${serverId}) went offline`));
  }

  #receive(message: InboundMessage): void {
    if (this.#reason !== undefined) return;
    const decoded = decodeMessage(message.payload);
    if (!decoded.ok) {
      this.#logger.warn('MCP message ignored', { topic: message.topic, problem: decoded.problem });
      this.onerror?.(new McpMqttError('invalid-message', `${message.topic}: ${decoded.problem}`));
      return;
    }
    if ('method' in decoded.value && decoded.value.method === DISCONNECTED) {
      this.#end(
        new McpMqttError('server-offline', `MCP server ${this.#options.serverName} ended the session`),
      );
      return;
    }
    this.onmessage?.(decoded.value);
  }

  #end(reason: McpMqttError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#settleClosed(reason);
    this.#link?.close().catch((error: unknown) => this.#logger.debug('MCP link close', { error }));
    if (reason.code !== 'closed') this.onerror?.(reason);
    this.onclose?.();
  }
}
