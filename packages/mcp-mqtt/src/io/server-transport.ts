import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import type { InboundMessage, Link, Logger, Subscription, UserProperties } from '@shoal/mqtt-link';
import { endSpan, within, type StartedSpan } from '@shoal/mqtt-link/tracing';
import { isMcpMqttError } from '../core/errors.ts';
import {
  decodeMessage,
  DISCONNECTED,
  disconnectedPayload,
  errorPayload,
  isCapabilityChange,
  type JsonObject,
  type McpMessage,
} from '../core/messages.ts';
import { whyNotAllowed, type McpRole } from '../core/rbac.ts';
import { requestTimeoutMs } from '../core/timeouts.ts';
import {
  assertMcpClientId,
  clientCapabilityTopic,
  clientPresenceTopic,
  rpcTopic,
  type McpServerRef,
} from '../core/topics.ts';
import { Heartbeat } from './heartbeat.ts';
import { createPublisher, type McpPublisher } from './publisher.ts';
import { failureOf, startServed } from './with-trace.ts';

/** JSON-RPC: more requests at once than this server takes from one client, or more clients than it serves. */
export const SERVER_BUSY = -32_010;
/** JSON-RPC: the roles of the client do not allow this request. `data` names method, tool or resource. */
export const NOT_ALLOWED = -32_011;

export interface MqttServerTransportOptions {
  /** Connected as `server.serverId`. Stays the caller's: closing the transport does not close the link. */
  readonly link: Link;
  readonly server: McpServerRef;
  readonly mcpClientId: string;
  /** Sends a `list_changed` or `resources/updated` to every client of the server. */
  readonly publishCapabilityChange: (payload: string) => Promise<void>;
  /** Requests of this client that may be unanswered; one more is answered with an error. Default 64. */
  readonly maxInFlight?: number;
  /** Messages of more bytes than this are logged and ignored. Default 1 048 576. */
  readonly maxMessageBytes?: number;
  /** The client is asked with `ping` after this much silence; 0 never. Default 300 000. */
  readonly pingAfterMs?: number;
  /** A `ping` without an answer ends the session after this long. Default 10 000. */
  readonly pingTimeoutMs?: number;
  /** What the client may do. Unset: everything. */
  readonly roles?: readonly McpRole[];
  readonly logger: Logger;
}

/** The session with one client, as the MCP SDK's `Transport`. `serveMcp` makes one per `initialize`. */
export class MqttServerTransport implements Transport {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: Transport['onmessage'];
  readonly sessionId: string;
  /** Set by `notifications/initialized`. */
  initialized = false;

  readonly #options: MqttServerTransportOptions;
  readonly #publisher: McpPublisher;
  readonly #rpcTopic: string;
  /** Unanswered requests, and the span of each where somebody listens. */
  readonly #inFlight = new Map<string | number, StartedSpan | undefined>();
  readonly #heartbeat: Heartbeat;
  #subscriptions: Subscription[] = [];
  #closed = false;

  constructor(options: MqttServerTransportOptions) {
    assertMcpClientId(options.mcpClientId);
    this.#options = options;
    this.sessionId = options.mcpClientId;
    this.#rpcTopic = rpcTopic(options.mcpClientId, options.server);
    this.#publisher = createPublisher(options.link, 'mcp-server');
    this.#heartbeat = new Heartbeat({
      afterMs: options.pingAfterMs ?? 300_000,
      timeoutMs: options.pingTimeoutMs ?? requestTimeoutMs('ping'),
      sendPing: (id) => this.#publish(JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' })),
      onDead: () => {
        options.logger.warn('MCP client gave no sign of life', { mcpClientId: options.mcpClientId });
        void this.close();
      },
    });
  }

  /** All three subscriptions stand before `initialize` is answered ("Initialization", "Client Disconnect"). */
  async start(): Promise<void> {
    const { link, mcpClientId } = this.#options;
    const receive = (message: InboundMessage): void => this.#receive(message);
    const subscriptions = await Promise.all([
      link.subscribe(clientPresenceTopic(mcpClientId), receive),
      link.subscribe(clientCapabilityTopic(mcpClientId), receive),
      link.subscribe(this.#rpcTopic, receive, { noLocal: true }),
    ]);
    this.#subscriptions = subscriptions;
    if (this.#closed) this.#unsubscribe();
  }

  /** Hands a message to the server: the `initialize` that arrived on the control topic. */
  deliver(message: JSONRPCMessage, userProperties?: UserProperties): void {
    if (this.#closed) return;
    let span: StartedSpan | undefined;
    if ('method' in message && 'id' in message && message.id !== undefined) {
      const { id } = message as { id: string | number };
      if (this.#inFlight.size >= (this.#options.maxInFlight ?? 64)) {
        this.#refuse(id, SERVER_BUSY, `${this.#inFlight.size} requests of this client are unanswered`);
        return;
      }
      span = startServed(message as McpMessage, userProperties);
      this.#inFlight.set(id, span);
    }
    within(span, () => this.onmessage?.(message));
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#closed) return;
    const payload = JSON.stringify(message);
    if (isCapabilityChange(message)) return this.#options.publishCapabilityChange(payload);
    const answers = 'method' in message ? undefined : message.id;
    if (answers !== undefined) {
      endSpan(this.#inFlight.get(answers), failureOf(message));
      this.#inFlight.delete(answers);
    }
    try {
      await this.#publisher.publish(this.#rpcTopic, payload);
    } catch (error) {
      if (answers === undefined || !isMcpMqttError(error, 'message-too-large')) throw error;
      this.#refuse(answers, -32_603, `the result is too large: ${error.message}; ask for a part of it`);
    }
  }

  /** De-initialises: tells the client, then unsubscribes ("Shutdown"). */
  async close(): Promise<void> {
    if (this.#closed) return;
    const told = this.#publisher.publish(this.#rpcTopic, disconnectedPayload);
    this.end();
    await told.catch((error: unknown) => this.#options.logger.debug('MCP client not told', { error }));
  }

  /** Ends the session without a word to the client: it is gone, or presence says it all. */
  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#heartbeat.stop();
    this.#unsubscribe();
    for (const span of this.#inFlight.values()) endSpan(span, 'session_ended');
    this.#inFlight.clear();
    this.onclose?.();
  }

  #receive(message: InboundMessage): void {
    if (this.#closed) return;
    const decoded = decodeMessage(message.payload, this.#options.maxMessageBytes);
    if (!decoded.ok) {
      this.#options.logger.warn('MCP message ignored', { topic: message.topic, problem: decoded.problem });
      if (decoded.id !== undefined) this.#refuse(decoded.id, -32_600, decoded.problem);
      return;
    }
    const { method, id, params } = decoded.value as McpMessage;
    if (method === DISCONNECTED) return this.end();
    if (this.#heartbeat.heard(method === undefined ? id : undefined)) return;
    if (method === 'notifications/initialized') this.initialized = true;
    if (method !== undefined && !this.#allows(method, params ?? {}, id)) return;
    this.deliver(decoded.value, message.userProperties);
  }

  #allows(method: string, params: JsonObject, id: string | number | undefined): boolean {
    const { roles, logger } = this.#options;
    const problem = roles === undefined ? undefined : whyNotAllowed(roles, method, params);
    if (problem === undefined) return true;
    logger.warn('MCP message refused', { mcpClientId: this.sessionId, problem });
    const { name, uri } = params;
    if (id !== undefined) this.#refuse(id, NOT_ALLOWED, problem, { method, name, uri });
    return false;
  }

  #refuse(id: string | number, code: number, problem: string, data?: JsonObject): void {
    this.#publish(errorPayload(id, code, problem, data));
  }

  #publish(payload: string): void {
    this.#publisher
      .publish(this.#rpcTopic, payload)
      .catch((error: unknown) => this.onerror?.(error as Error));
  }

  #unsubscribe(): void {
    for (const subscription of this.#subscriptions.splice(0)) {
      subscription.close().catch((error: unknown) => {
        this.#options.logger.debug('MCP session unsubscribe', { filter: subscription.filter, error });
      });
    }
  }
}
