import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';
import type { InboundMessage, Link, Logger, Subscription } from '@shoal/mqtt-link';
import { isMcpMqttError } from '../core/errors.ts';
import {
  decodeMessage,
  DISCONNECTED,
  disconnectedPayload,
  errorPayload,
  isCapabilityChange,
} from '../core/messages.ts';
import {
  assertMcpClientId,
  clientCapabilityTopic,
  clientPresenceTopic,
  rpcTopic,
  type McpServerRef,
} from '../core/topics.ts';
import { createPublisher, type McpPublisher } from './publisher.ts';

/** JSON-RPC: more requests at once than this server takes from one client, or more clients than it serves. */
export const SERVER_BUSY = -32_010;

export interface MqttServerTransportOptions {
  /** Connected as `server.serverId`. Stays the caller's: closing the transport does not close the link. */
  readonly link: Link;
  readonly server: McpServerRef;
  readonly mcpClientId: string;
  /** Sends a `list_changed` or `resources/updated` to every client of the server. */
  readonly publishCapabilityChange: (payload: string) => Promise<void>;
  /** Requests of this client that may be unanswered; one more is answered with an error. Default 64. */
  readonly maxInFlight?: number;
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
  readonly #inFlight = new Set<string | number>();
  #subscriptions: Subscription[] = [];
  #closed = false;

  constructor(options: MqttServerTransportOptions) {
    assertMcpClientId(options.mcpClientId);
    this.#options = options;
    this.sessionId = options.mcpClientId;
    this.#rpcTopic = rpcTopic(options.mcpClientId, options.server);
    this.#publisher = createPublisher(options.link, 'mcp-server');
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
  deliver(message: JSONRPCMessage): void {
    if (this.#closed) return;
    if ('method' in message && 'id' in message && message.id !== undefined) {
      const { id } = message as { id: string | number };
      if (this.#inFlight.size >= (this.#options.maxInFlight ?? 64)) {
        this.#refuse(id, SERVER_BUSY, `${this.#inFlight.size} requests of this client are unanswered`);
        return;
      }
      this.#inFlight.add(id);
    }
    this.onmessage?.(message);
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#closed) return;
    const payload = JSON.stringify(message);
    if (isCapabilityChange(message)) return this.#options.publishCapabilityChange(payload);
    const answers = 'method' in message ? undefined : message.id;
    if (answers !== undefined) this.#inFlight.delete(answers);
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
    this.#unsubscribe();
    this.onclose?.();
  }

  #receive(message: InboundMessage): void {
    if (this.#closed) return;
    const decoded = decodeMessage(message.payload);
    if (!decoded.ok) {
      this.#options.logger.warn('MCP message ignored', { topic: message.topic, problem: decoded.problem });
      if (decoded.id !== undefined) this.#refuse(decoded.id, -32_600, decoded.problem);
      return;
    }
    const { method } = decoded.value as { method?: string };
    if (method === DISCONNECTED) return this.end();
    if (method === 'notifications/initialized') this.initialized = true;
    this.deliver(decoded.value);
  }

  #refuse(id: string | number, code: number, problem: string): void {
    this.#publisher
      .publish(this.#rpcTopic, errorPayload(id, code, problem))
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
