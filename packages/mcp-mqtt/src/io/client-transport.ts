import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import { openLink, silentLogger, type InboundMessage, type Link, type Logger } from '@shoal/mqtt-link';
import { McpMqttError } from '../core/errors.ts';
import {
  connectProperties,
  decodeMessage,
  DISCONNECTED,
  disconnectedPayload,
  isCapabilityChange,
  publishProperties,
  SUGGESTED_ROLES,
  singleProperty,
  type JsonObject,
  type McpMessage,
} from '../core/messages.ts';
import { readRoles, suggestedRoles, type McpRole } from '../core/rbac.ts';
import {
  assertMcpClientId,
  assertServerName,
  clientCapabilityTopic,
  clientPresenceTopic,
  controlTopic,
  rpcTopic,
  serverCapabilityTopic,
} from '../core/topics.ts';
import type { DiscoveredMcpServer } from './discover.ts';
import { chooseAtRandom, findServer, type ChooseServer } from './find-server.ts';
import { linkChoices, type LinkChoices } from './link-choices.ts';
import { createPublisher, type McpPublisher } from './publisher.ts';
import { tracePropertiesOf } from './with-trace.ts';

export interface MqttClientTransportOptions extends LinkChoices {
  /** The server's full name, without wildcards. */
  readonly serverName: string;
  /** One instance among servers of the same name. Default: `choose` decides. */
  readonly serverId?: string;
  /** Chooses among the instances of the server name that are announced. Default: at random. */
  readonly choose?: ChooseServer;
  /** Server ids that are only taken when there is no other instance: those that failed before. */
  readonly avoid?: ReadonlySet<string>;
  /** The beginning of the MQTT client id; a fresh ending is added, as each `initialize` needs a new id. Default `mcp`. */
  readonly clientId?: string;
  /** `MCP-META` of the CONNECT packet. */
  readonly connectMeta?: JsonObject;
  /** Longest wait for the server's presence. Default 10 000. */
  readonly discoveryTimeoutMs?: number;
  /** Messages of more bytes than this are reported to `onerror` and ignored. Default 1 048 576. */
  readonly maxMessageBytes?: number;
  /** Gives up while connecting; the connection that stands is not touched. */
  readonly signal?: AbortSignal;
}

const NOTHING = { allowedMethods: [], allowedTools: [], allowedResources: [] } as const;

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
  readonly #instances = new Set<string>();

  constructor(options: MqttClientTransportOptions) {
    assertServerName(options.serverName);
    this.mcpClientId = `${options.clientId ?? 'mcp'}-${crypto.randomUUID().replaceAll('-', '').slice(0, 16)}`;
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

  /** Server ids of the instances of the server name that are announced, the one in use among them. */
  get instances(): readonly string[] {
    return [...this.#instances];
  }

  /**
   * The roles that the broker gave this client on the server (`MCP-RBAC` in CONNACK), as the server describes them. A role that the
   * server does not describe allows nothing. Undefined: the broker said nothing of roles.
   */
  get roles(): readonly McpRole[] | undefined {
    const { broker } = this.#link ?? {};
    const property = singleProperty(broker?.userProperties ?? {}, SUGGESTED_ROLES);
    const names = suggestedRoles(property, this.#options.serverName);
    const described = readRoles(this.#server?.meta ?? {});
    return names?.map((name) => described.find((role) => role.name === name) ?? { name, ...NOTHING });
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
    const userProperties = tracePropertiesOf(message as McpMessage);
    await this.#publisher.publish(this.#topicOf(message, this.#server), JSON.stringify(message), {
      userProperties,
    });
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
    const { connectMeta = { implementation: '@shoal/mcp-mqtt' } } = this.#options;
    const link = await openLink({
      ...linkChoices(this.#options),
      clientId: this.mcpClientId,
      cleanStart: true,
      sessionExpirySeconds: 0,
      fenced: true,
      reconnect: false,
      will: {
        topic: clientPresenceTopic(this.mcpClientId),
        payload: disconnectedPayload,
        qos: 1,
        userProperties: publishProperties('mcp-client', this.mcpClientId),
      },
      userProperties: connectProperties('mcp-client', connectMeta),
    });
    const lost = (): void =>
      this.#end(new McpMqttError('connection-lost', 'the MQTT connection to the broker was lost'));
    link.on('offline', lost);
    link.on('fenced', lost);
    link.on('closed', lost);
    return link;
  }

  #findServer(link: Link): Promise<DiscoveredMcpServer> {
    const {
      serverName,
      serverId,
      discoveryTimeoutMs = 10_000,
      choose = chooseAtRandom,
      avoid,
    } = this.#options;
    return findServer(link, {
      serverName,
      ...(serverId === undefined ? {} : { serverId }),
      choose,
      avoid: avoid ?? new Set(),
      timeoutMs: discoveryTimeoutMs,
      logger: this.#logger,
      closed: this.closed,
      onOnline: (server) => {
        this.#instances.add(server.serverId);
        this.#restarted(server);
      },
      onOffline: (id) => {
        this.#instances.delete(id);
        this.#offline(id);
      },
    });
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
    const decoded = decodeMessage(message.payload, this.#options.maxMessageBytes);
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
