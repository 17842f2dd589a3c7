import type { JSONRPCMessage } from '@modelcontextprotocol/client';
import type { InboundMessage, Link, Logger } from '@shoal/mqtt-link';
import {
  decodeMessage,
  encodeOnline,
  errorPayload,
  isMcpRequest,
  SENDER_ID,
  singleProperty,
  type JsonObject,
} from '../core/messages.ts';
import type { McpRole } from '../core/rbac.ts';
import type { RequestTimeouts } from '../core/timeouts.ts';
import {
  controlTopic,
  isMcpId,
  rpcTopic,
  serverCapabilityTopic,
  serverPresenceTopic,
} from '../core/topics.ts';
import { createPublisher, type McpPublisher } from './publisher.ts';
import type { ConnectableServer } from './serve-mcp.ts';
import { MqttServerTransport, SERVER_BUSY, type MqttServerTransportOptions } from './server-transport.ts';
import { withTimeouts, type Requester } from './with-timeouts.ts';

export interface ServingOptions {
  readonly link: Link;
  readonly serverId: string;
  readonly serverName: string;
  readonly description: string;
  readonly meta: JsonObject;
  readonly server: (session: {
    readonly mcpClientId: string;
  }) => ConnectableServer | Promise<ConnectableServer>;
  readonly maxSessions: number;
  readonly handshakeTimeoutMs: number;
  readonly timeouts: RequestTimeouts;
  readonly roles: readonly McpRole[] | undefined;
  readonly rolesOf: ((session: { readonly mcpClientId: string }) => readonly string[]) | undefined;
  /** Limits of each session. */
  readonly session: Pick<
    MqttServerTransportOptions,
    'maxInFlight' | 'maxMessageBytes' | 'pingAfterMs' | 'pingTimeoutMs'
  >;
  readonly logger: Logger;
}

/** A running MCP server. Made by `serveMcp`. */
export class McpServing {
  readonly serverId: string;
  readonly serverName: string;
  /** The server's connection; anything may be published on it. Closed by `stop`. */
  readonly link: Link;

  readonly #options: ServingOptions;
  readonly #publisher: McpPublisher;
  readonly #sessions = new Map<string, Session>();
  readonly #pendingChanges = new Map<string, Promise<void>>();
  readonly #unlisten: (() => void)[] = [];
  #stopped = false;

  constructor(options: ServingOptions) {
    this.#options = options;
    this.serverId = options.serverId;
    this.serverName = options.serverName;
    this.link = options.link;
    this.#publisher = createPublisher(options.link, 'mcp-server');
  }

  /** MCP client ids of the sessions that stand. */
  get sessions(): readonly string[] {
    return [...this.#sessions.keys()];
  }

  async start(): Promise<void> {
    this.#unlisten.push(
      this.link.on('offline', () => this.#endSessions()),
      this.link.on('fenced', () => {
        const { logger } = this.#options;
        logger.error('MCP server gives up: another connection took its id', { serverId: this.serverId });
        this.#endSessions();
      }),
      this.link.on('online', ({ reconnect }) => {
        if (reconnect)
          this.#announce().catch((error: unknown) => this.#warn('MCP presence not published', error));
      }),
    );
    await this.link.subscribe(controlTopic(this), (message) => this.#control(message));
    await this.#announce();
  }

  /** Withdraws the presence, ends the sessions, disconnects. Calling twice is fine. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const off of this.#unlisten.splice(0)) off();
    try {
      await this.#publisher.publish(serverPresenceTopic(this), '', { retain: true });
      this.#endSessions();
      await this.link.close();
    } catch (error) {
      this.#warn('MCP presence not withdrawn; the will does it', error);
      this.#endSessions();
      await this.link.close({ reasonCode: 0x04 });
    }
  }

  async #announce(): Promise<void> {
    const { description, meta } = this.#options;
    const notice = { serverName: this.serverName, description, meta, epoch: crypto.randomUUID() };
    await this.#publisher.publish(serverPresenceTopic(this), encodeOnline(notice), { retain: true });
  }

  #control(message: InboundMessage): void {
    const mcpClientId = singleProperty(message.userProperties, SENDER_ID);
    if (mcpClientId === undefined || !isMcpId(mcpClientId)) {
      this.#warn(`control message without a usable ${SENDER_ID}`, mcpClientId);
      return;
    }
    const decoded = decodeMessage(message.payload, this.#options.session.maxMessageBytes);
    if (!decoded.ok) {
      this.#warn('control message ignored', decoded.problem);
      if (decoded.id !== undefined) this.#refuse(mcpClientId, decoded.id, -32_600, decoded.problem);
      return;
    }
    if (!isMcpRequest(decoded.value)) return this.#warn('control message ignored', 'not a request');
    const { id, method } = decoded.value;
    if (method !== 'initialize') {
      this.#refuse(mcpClientId, id, -32_600, `the control topic takes "initialize" only, not "${method}"`);
      return;
    }
    this.#initialize(mcpClientId, id, decoded.value);
  }

  #initialize(mcpClientId: string, id: string | number, request: JSONRPCMessage): void {
    const before = this.#sessions.get(mcpClientId);
    // The same request again (QoS 1) while the first is being answered.
    if (before !== undefined && !before.transport.initialized) return;
    before?.transport.end();
    if (this.#sessions.size >= this.#options.maxSessions) {
      this.#refuse(
        mcpClientId,
        id,
        SERVER_BUSY,
        `all ${this.#options.maxSessions} sessions of this server are taken`,
      );
      return;
    }
    const { link, logger } = this.#options;
    const roles = this.#rolesOf(mcpClientId);
    const transport = new MqttServerTransport({
      ...this.#options.session,
      ...(roles === undefined ? {} : { roles }),
      link,
      server: this,
      mcpClientId,
      logger,
      publishCapabilityChange: (payload) => this.#capabilityChange(payload),
    });
    const session = this.#register(mcpClientId, transport);
    this.#run(session, request).catch((error: unknown) => {
      this.#warn('MCP session not started', error);
      this.#refuse(mcpClientId, id, -32_603, `the session could not be started: ${String(error)}`);
      session.drop();
    });
  }

  #register(mcpClientId: string, transport: MqttServerTransport): Session {
    const session: Session = {
      transport,
      drop: () => {
        clearTimeout(timer);
        if (this.#sessions.get(mcpClientId) === session) this.#sessions.delete(mcpClientId);
        transport.end();
      },
    };
    const timer = setTimeout(() => {
      if (transport.initialized) return;
      this.#warn('MCP session dropped', `${mcpClientId} did not finish the handshake`);
      session.drop();
    }, this.#options.handshakeTimeoutMs);
    timer.unref();
    // Wrapped, and then called, by the SDK when it connects.
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK's Transport has no other
    transport.onclose = session.drop;
    this.#sessions.set(mcpClientId, session);
    return session;
  }

  async #run(session: Session, request: JSONRPCMessage): Promise<void> {
    const server = await this.#options.server({ mcpClientId: session.transport.sessionId });
    const requester = requesterOf(server);
    if (requester !== undefined) withTimeouts(requester, this.#options.timeouts, async (error) => error);
    await server.connect(session.transport);
    session.transport.deliver(request);
  }

  /** A name that no role has allows nothing. Undefined: this server knows no roles. */
  #rolesOf(mcpClientId: string): McpRole[] | undefined {
    const { roles, rolesOf } = this.#options;
    if (roles === undefined) return undefined;
    const names = rolesOf?.({ mcpClientId }) ?? [];
    return roles.filter(({ name }) => names.includes(name));
  }

  /** Every session's server reports the same change; the clients share one topic, so it is sent once. */
  #capabilityChange(payload: string): Promise<void> {
    const pending = this.#pendingChanges.get(payload);
    if (pending !== undefined) return pending;
    const sent = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#pendingChanges.delete(payload);
      return this.#publisher.publish(serverCapabilityTopic(this), payload);
    });
    this.#pendingChanges.set(payload, sent);
    return sent;
  }

  #refuse(mcpClientId: string, id: string | number, code: number, problem: string): void {
    this.#publisher
      .publish(rpcTopic(mcpClientId, this), errorPayload(id, code, problem))
      .catch((error: unknown) => this.#warn('MCP refusal not sent', error));
  }

  #endSessions(): void {
    for (const session of this.#sessions.values()) session.drop();
  }

  #warn(message: string, reason: unknown): void {
    const text = reason instanceof Error ? reason.message : reason;
    this.#options.logger.warn(message, { serverName: this.serverName, reason: text });
  }
}

interface Session {
  readonly transport: MqttServerTransport;
  readonly drop: () => void;
}

/** What asks the client: `McpServer` has a `server` that does, `Server` does it itself. */
function requesterOf(server: ConnectableServer): Requester | undefined {
  const candidates = [server, (server as { server?: unknown }).server] as readonly unknown[];
  return candidates.find(
    (candidate): candidate is Requester =>
      typeof candidate === 'object' &&
      candidate !== null &&
      typeof (candidate as { request?: unknown }).request === 'function',
  );
}
