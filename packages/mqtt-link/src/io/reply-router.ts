import { Buffer } from '../core/bytes.ts';
import { asBuffer } from '../core/encode.ts';
import { LinkError, toError } from '../core/link-error.ts';
import type { InboundMessage, Link, PublishAck, PublishOptions, Qos, Subscription } from '../link.ts';
import { MessageQueue } from './message-queue.ts';
import { randomText } from './random-text.ts';

export interface ReplyRouterOptions {
  /** The Response Topic of all requests: private to this client. */
  readonly replyTopic: string;
  /** QoS of the subscription. Default 1. */
  readonly qos?: Qos;
  /** A reply whose correlation data belongs to no open request: late, repeated, or not ours. Default: ignored. */
  readonly onUnmatched?: (message: InboundMessage) => void;
  /** Replies of one request that may wait to be read; one more ends its iteration with `queue-overflow`. Default 1 000. */
  readonly maxReplies?: number;
  /** Requests that may be open; one more is refused with `queue-full`. Default 10 000. */
  readonly maxRequests?: number;
}

export interface ReplyRequestOptions extends Omit<PublishOptions, 'responseTopic'> {
  /** Called for each reply instead of putting it into `replies`. */
  readonly onReply?: (message: InboundMessage) => void;
  /** Called once when no more replies can come: the publish failed, or the link ended. `replies` throws the same. */
  readonly onFailure?: (error: Error) => void;
}

export interface PendingReply {
  /** Every reply in order, until `close`. Throws `connection-lost`, `fenced` or `closed` when the link ends. */
  readonly replies: AsyncIterableIterator<InboundMessage>;
  readonly correlationData: Uint8Array;
  /** The acknowledgement of the request. Handled or not, its rejection never ends the process. */
  readonly ack: Promise<PublishAck>;
  /** Stops listening for replies. Closing twice is fine. */
  close(): void;
}

export interface ReplyRouter {
  readonly replyTopic: string;
  /** Resolves when the reply topic is subscribed. `request` waits for it by itself. */
  start(): Promise<void>;
  request(topic: string, payload: Uint8Array | string, options?: ReplyRequestOptions): PendingReply;
  /** Open requests. */
  readonly size: number;
  /** Ends all open requests with `closed` and unsubscribes. */
  close(): Promise<void>;
}

/**
 * Correlated request and reply (MQTT 5 §4.10) for many requests at once on one reply topic. No time limits: how long the first
 * reply or the next may take is the caller's to say.
 */
export function createReplyRouter(link: Link, options: ReplyRouterOptions): ReplyRouter {
  return new Router(link, options);
}

class Router implements ReplyRouter {
  readonly replyTopic: string;
  readonly #link: Link;
  readonly #options: ReplyRouterOptions;
  readonly #open = new Map<string, Pending>();
  readonly #correlations = new CorrelationSource();
  readonly #stopListening: readonly (() => void)[];
  #subscribing: Promise<Subscription> | undefined;
  #subscribed = false;
  #closed = false;

  constructor(link: Link, options: ReplyRouterOptions) {
    this.replyTopic = options.replyTopic;
    this.#link = link;
    this.#options = options;
    const end = (code: 'fenced' | 'closed') => (): void =>
      this.#failAll(new LinkError(code, `the link was ${code} while replies were awaited`));
    this.#stopListening = [link.on('fenced', end('fenced')), link.on('closed', end('closed'))];
  }

  get size(): number {
    return this.#open.size;
  }

  async start(): Promise<void> {
    await this.#subscribe();
  }

  request(topic: string, payload: Uint8Array | string, options: ReplyRequestOptions = {}): PendingReply {
    if (this.#closed) throw new LinkError('closed', 'the reply router is closed');
    const { maxRequests = 10_000, maxReplies = 1_000 } = this.#options;
    if (this.#open.size >= maxRequests) {
      throw new LinkError('queue-full', `${maxRequests} requests await replies (maxRequests); slow down`);
    }
    const correlationData = options.correlationData ?? this.#correlations.next();
    const pending = new Pending(this.#open, correlationData, options, maxReplies);
    const message = { ...options, responseTopic: this.replyTopic, correlationData };
    // The reply topic must be subscribed before the request goes out, or a quick reply is lost.
    pending.ack = this.#subscribed
      ? this.#link.publish(topic, payload, message)
      : this.#subscribe().then(() => this.#link.publish(topic, payload, message));
    pending.ack.then(undefined, (error: unknown) => pending.fail(toError(error)));
    return pending;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const stop of this.#stopListening) stop();
    this.#failAll(new LinkError('closed', 'the reply router was closed'));
    const subscription = await this.#subscribing?.catch(() => undefined);
    await subscription?.close();
  }

  #subscribe(): Promise<Subscription> {
    this.#subscribing ??= this.#link
      .subscribe(this.replyTopic, (message) => this.#receive(message), { qos: this.#options.qos ?? 1 })
      .then(
        (subscription) => {
          this.#subscribed = true;
          return subscription;
        },
        (error: unknown) => {
          this.#subscribing = undefined;
          throw error;
        },
      );
    return this.#subscribing;
  }

  #receive(message: InboundMessage): void {
    const { correlationData } = message;
    const pending = correlationData === undefined ? undefined : this.#open.get(keyOf(correlationData));
    if (pending === undefined) this.#options.onUnmatched?.(message);
    else pending.receive(message);
  }

  #failAll(error: LinkError): void {
    const all = [...this.#open.values()];
    this.#open.clear();
    for (const pending of all) pending.fail(error);
  }
}

class Pending implements PendingReply {
  readonly correlationData: Uint8Array;
  ack: Promise<PublishAck> = NEVER;
  readonly #open: Map<string, Pending>;
  readonly #key: string;
  readonly #options: ReplyRequestOptions;
  readonly #maxReplies: number;
  /** Made when it is needed: with `onReply` it is not. */
  #queue: MessageQueue | undefined;
  #error: Error | undefined;
  #closed = false;

  constructor(
    open: Map<string, Pending>,
    correlationData: Uint8Array,
    options: ReplyRequestOptions,
    maxReplies: number,
  ) {
    this.#open = open;
    this.correlationData = correlationData;
    this.#key = keyOf(correlationData);
    this.#options = options;
    this.#maxReplies = maxReplies;
    open.set(this.#key, this);
  }

  get replies(): MessageQueue {
    if (this.#queue !== undefined) return this.#queue;
    this.#queue = new MessageQueue(this.#maxReplies, () => this.close());
    if (this.#error !== undefined) this.#queue.fail(this.#error);
    else if (this.#closed) this.#queue.close();
    return this.#queue;
  }

  receive(message: InboundMessage): void {
    if (this.#options.onReply === undefined) this.replies.push(message);
    else this.#options.onReply(message);
  }

  fail(error: Error): void {
    if (this.#closed || this.#error !== undefined) return;
    this.#error = error;
    this.#forget();
    this.#queue?.fail(error);
    this.#options.onFailure?.(error);
  }

  close(): void {
    this.#closed = true;
    this.#forget();
    this.#queue?.close();
  }

  #forget(): void {
    // The same correlation data may have been given to a later request.
    if (this.#open.get(this.#key) === this) this.#open.delete(this.#key);
  }
}

const NEVER = new Promise<never>(() => undefined);

function keyOf(correlationData: Uint8Array): string {
  return asBuffer(correlationData).toString('latin1');
}

/**
 * 18 random bytes' worth each, as 24 characters: nobody who saw one can guess another. Text, though MQTT allows any bytes, because there
 * are responders that decode them as UTF-8.
 */
class CorrelationSource {
  #pool = Buffer.alloc(0);
  #at = 0;

  next(): Buffer {
    if (this.#at === this.#pool.length) {
      this.#pool = Buffer.from(randomText(24 * 128), 'latin1');
      this.#at = 0;
    }
    this.#at += 24;
    return this.#pool.subarray(this.#at - 24, this.#at);
  }
}
