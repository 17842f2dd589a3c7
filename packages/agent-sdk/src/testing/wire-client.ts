import { deepEqual, equal, ok } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { InboundMessage, Link, PublishAck, UserProperties } from '@shoal/mqtt-link';
import { openLink } from '@shoal/mqtt-link';
import type { AgentAddress, JsonRpcError, PoolAddress, StreamResponse, Task } from '@shoal/protocol';
import { clientIdOf, replyTopic, validateDocument } from '@shoal/protocol';
import { topicOf } from '../core/target.ts';

export interface WireReply {
  readonly message: InboundMessage;
  readonly id: unknown;
  // Replies of the other side, whatever they hold: tests look into them freely.
  readonly result: { readonly task?: Task; readonly tasks?: Task[] } & Task &
    StreamResponse &
    Record<string, unknown>;
  readonly error: JsonRpcError;
}

export interface WireRequest {
  /** Bytes or text to send as they are; otherwise `method`, `params` and `id` make the payload. */
  readonly payload?: Uint8Array | string;
  readonly method?: string;
  readonly params?: unknown;
  readonly id?: string | number;
  /** `null` leaves it out. */
  readonly correlation?: Uint8Array | null;
  /** `null` leaves it out. */
  readonly responseTopic?: string | null;
  readonly userProperties?: UserProperties;
  readonly messageExpirySeconds?: number;
}

const WAIT_MS = 8_000;

/** The replies to one request, in order. */
export class Exchange {
  readonly correlation: Uint8Array;
  readonly ack: Promise<PublishAck>;
  readonly replies: WireReply[] = [];
  #read = 0;
  #notify: (() => void) | undefined;

  constructor(correlation: Uint8Array, ack: Promise<PublishAck>) {
    this.correlation = correlation;
    this.ack = ack;
  }

  push(reply: WireReply): void {
    this.replies.push(reply);
    this.#notify?.();
  }

  /** The next reply; fails when none comes in time. */
  async next(): Promise<WireReply> {
    if (this.#read >= this.replies.length) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`no reply ${this.#read} within ${WAIT_MS} ms`)),
          WAIT_MS,
        );
        this.#notify = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#notify = undefined;
    }
    return this.replies[this.#read++] as WireReply;
  }

  /** Replies up to and including the first for which `last` holds. */
  async until(last: (reply: WireReply) => boolean): Promise<WireReply[]> {
    for (;;) {
      const reply = await this.next();
      if (last(reply)) return this.replies.slice(0, this.#read);
    }
  }
}

/** Speaks to a responder over the wire alone, as well-formed or as malformed as a test wants; checks every reply. */
export class WireClient {
  readonly link: Link;
  readonly address: AgentAddress;
  readonly replyTopic: string;
  /** Replies that belong to no request: also those without Correlation Data. */
  readonly unmatched: WireReply[] = [];
  readonly #exchanges = new Map<string, Exchange>();

  private constructor(link: Link, address: AgentAddress) {
    this.link = link;
    this.address = address;
    this.replyTopic = replyTopic(address, randomUUID());
  }

  static async open(url: string, address: AgentAddress): Promise<WireClient> {
    const link = await openLink({ url, clientId: clientIdOf(address) });
    const client = new WireClient(link, address);
    await link.subscribe(client.replyTopic, (message) => client.#receive(message));
    return client;
  }

  request(target: AgentAddress | PoolAddress, request: WireRequest): Exchange {
    const { correlation = Buffer.from(randomUUID()), responseTopic = this.replyTopic } = request;
    const payload =
      request.payload ??
      JSON.stringify({
        jsonrpc: '2.0',
        id: request.id ?? randomUUID(),
        method: request.method,
        params: request.params,
      });
    const ack = this.link.publish(topicOf(target), payload, {
      ...(correlation === null ? {} : { correlationData: correlation }),
      ...(responseTopic === null ? {} : { responseTopic }),
      ...(request.userProperties === undefined ? {} : { userProperties: request.userProperties }),
      ...(request.messageExpirySeconds === undefined
        ? {}
        : { messageExpirySeconds: request.messageExpirySeconds }),
    });
    const exchange = new Exchange(correlation ?? new Uint8Array(), ack);
    if (correlation !== null) this.#exchanges.set(Buffer.from(correlation).toString('hex'), exchange);
    return exchange;
  }

  close(): Promise<void> {
    return this.link.close();
  }

  #receive(message: InboundMessage): void {
    const json = JSON.parse(message.text()) as Record<string, unknown>;
    checkReply(message, json);
    const reply: WireReply = {
      message,
      id: json['id'],
      result: json['result'] as WireReply['result'],
      error: json['error'] as JsonRpcError,
    };
    const key =
      message.correlationData === undefined ? '' : Buffer.from(message.correlationData).toString('hex');
    const exchange = this.#exchanges.get(key);
    if (exchange === undefined) this.unmatched.push(reply);
    else exchange.push(reply);
  }
}

/** The invariants of every reply (reference §6). */
function checkReply(message: InboundMessage, json: Record<string, unknown>): void {
  equal(message.retain, false, 'a reply is never retained');
  equal(message.qos, 1, 'a reply has QoS 1');
  const valid = validateDocument('JsonRpcResponse', json);
  deepEqual(valid.ok ? [] : valid.violations, [], 'a reply is a JSON-RPC response');
  for (const name of Object.keys(message.userProperties))
    ok(name.startsWith('a2a-'), `user property ${name} starts with a2a-`);
  for (const stamp of message.text().matchAll(/"timestamp":"([^"]*)"/g)) {
    ok(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(stamp[1] ?? ''),
      `V33 timestamp ${stamp[1]} is UTC with Z`,
    );
  }
}
