import { randomBytes, randomUUID } from 'node:crypto';
import type { IPublishPacket, UserProperties } from 'mqtt-packet';
import type { AgentAddress } from '@shoal/protocol';
import { clientIdOf, replyTopic, requestTopic } from '@shoal/protocol';
import { isLast, type Reply } from '../core/reply.ts';
import { Arrivals } from './arrivals.ts';
import { Wire, type PublishProperties, type WireOptions } from './wire.ts';

export interface RequestInit {
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
  /** Default: the request topic of the target. */
  readonly topic?: string;
}

/** Every reply that a requester of the kit received, with the request that it answers. */
export interface Observation {
  readonly reply: Reply;
  readonly requestId: unknown;
}

/** The replies to one request, in order. */
export class Exchange {
  /** Resolves with the reason code of PUBACK. */
  readonly ack: Promise<number>;
  readonly #arrivals = new Arrivals<Reply>();
  readonly #timeoutMs: number;
  #read = 0;

  constructor(ack: Promise<number>, timeoutMs: number) {
    this.ack = ack;
    this.#timeoutMs = timeoutMs;
    ack.catch(() => undefined);
  }

  get replies(): readonly Reply[] {
    return this.#arrivals.items;
  }

  push(reply: Reply): void {
    this.#arrivals.push(reply);
  }

  /** The next reply; fails when none comes in time. */
  async next(timeoutMs = this.#timeoutMs): Promise<Reply> {
    const reply = await this.#arrivals.find(() => true, timeoutMs, this.#read);
    if (reply === undefined) {
      const which = this.#read === 0 ? 'reply' : `reply number ${this.#read + 1}`;
      throw new Error(`no ${which} within ${timeoutMs} ms`);
    }
    this.#read += 1;
    return reply;
  }

  /** Replies from the next one up to and including the first for which `last` holds. */
  async until(last: (json: unknown) => boolean = isLast): Promise<Reply[]> {
    const start = this.#read;
    for (;;) {
      const reply = await this.next();
      if (last(reply.json)) return this.replies.slice(start, this.#read);
    }
  }
}

export interface ClientOptions extends Omit<WireOptions, 'clientId'> {
  readonly address: AgentAddress;
  readonly timeoutMs: number;
  readonly observe?: (observation: Observation) => void;
}

/** A requester that says exactly what a scenario tells it to, well-formed or not. */
export class Client {
  readonly wire: Wire;
  readonly address: AgentAddress;
  readonly replyTopic: string;
  /** Replies that belong to no request: also those without Correlation Data. */
  readonly unmatched: Reply[] = [];
  readonly #options: ClientOptions;
  readonly #exchanges = new Map<string, { readonly exchange: Exchange; readonly id: unknown }>();

  static async open(options: ClientOptions): Promise<Client> {
    const wire = await Wire.open({ ...options, clientId: clientIdOf(options.address) });
    const client = new Client(wire, options);
    await wire.subscribe(client.replyTopic, (packet) => client.#receive(packet));
    return client;
  }

  private constructor(wire: Wire, options: ClientOptions) {
    this.wire = wire;
    this.address = options.address;
    this.replyTopic = replyTopic(options.address, randomBytes(12).toString('hex'));
    this.#options = options;
  }

  request(target: AgentAddress, init: RequestInit): Exchange {
    // Text by default: what binary correlations do to a subject is for the scenario about them to find.
    const { correlation = Buffer.from(randomBytes(16).toString('hex')), responseTopic = this.replyTopic } =
      init;
    const id = init.id ?? randomUUID();
    const payload =
      init.payload ?? JSON.stringify({ jsonrpc: '2.0', id, method: init.method, params: init.params });
    const properties: PublishProperties = {
      payloadFormatIndicator: true,
      contentType: 'application/json',
      ...(correlation === null ? {} : { correlationData: Buffer.from(correlation) }),
      ...(responseTopic === null ? {} : { responseTopic }),
      ...(init.userProperties === undefined ? {} : { userProperties: init.userProperties }),
      ...(init.messageExpirySeconds === undefined
        ? {}
        : { messageExpiryInterval: init.messageExpirySeconds }),
    };
    if (typeof payload !== 'string') delete properties.payloadFormatIndicator;
    const ack = this.wire.publish(init.topic ?? requestTopic(target), payload, { properties });
    const exchange = new Exchange(ack, this.#options.timeoutMs);
    if (correlation !== null)
      this.#exchanges.set(Buffer.from(correlation).toString('hex'), {
        exchange,
        id: init.payload === undefined ? id : undefined,
      });
    return exchange;
  }

  close(): Promise<void> {
    return this.wire.close();
  }

  #receive(packet: IPublishPacket): void {
    const reply: Reply = { packet, atMs: performance.now(), json: parse(packet.payload) };
    const key = packet.properties?.correlationData?.toString('hex');
    const found = key === undefined ? undefined : this.#exchanges.get(key);
    if (found === undefined) {
      this.unmatched.push(reply);
      return;
    }
    this.#options.observe?.({ reply, requestId: found.id });
    found.exchange.push(reply);
  }
}

/** Undefined for what is not JSON, such as the chunks of a binary artifact. */
export function parse(payload: string | Buffer): unknown {
  try {
    return JSON.parse(payload.toString()) as unknown;
  } catch {
    return undefined;
  }
}
