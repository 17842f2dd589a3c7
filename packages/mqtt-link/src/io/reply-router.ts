import { randomFillSync } from 'node:crypto';
import { asBuffer } from '../core/encode.ts';
import { LinkError } from '../core/link-error.ts';
import type { InboundMessage, Link, PublishAck, PublishOptions, Qos, Subscription } from '../link.ts';
import { MessageQueue } from './message-queue.ts';

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
}

export interface PendingReply {
  /** Every reply in order, until `close`. Throws `connection-lost`, `fenced` or `closed` when the link ends. */
  readonly replies: AsyncIterableIterator<InboundMessage>;
  readonly correlationData: Uint8Array;
  /** The acknowledgement of the request. It may be refused while replies are awaited; handled or not, it never crashes. */
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

interface OpenRequest {
  readonly queue: MessageQueue;
  readonly onReply: ((message: InboundMessage) => void) | undefined;
}

/**
 * Correlated request and reply (MQTT 5 §4.10) for many requests at once on one reply topic. No time limits: how long the first
 * reply or the next may take is the caller's to say.
 */
export function createReplyRouter(link: Link, options: ReplyRouterOptions): ReplyRouter {
  const { replyTopic, maxReplies = 1_000, maxRequests = 10_000 } = options;
  const open = new Map<string, OpenRequest>();
  const correlations = new CorrelationSource();
  let subscribing: Promise<Subscription> | undefined;
  let subscribed = false;
  let closed = false;

  const onMessage = (message: InboundMessage): void => {
    const { correlationData } = message;
    const request = correlationData === undefined ? undefined : open.get(keyOf(correlationData));
    if (request === undefined) options.onUnmatched?.(message);
    else if (request.onReply === undefined) request.queue.push(message);
    else request.onReply(message);
  };
  const subscribe = (): Promise<Subscription> => {
    subscribing ??= link.subscribe(replyTopic, onMessage, { qos: options.qos ?? 1 }).then(
      (subscription) => {
        subscribed = true;
        return subscription;
      },
      (error: unknown) => {
        subscribing = undefined;
        throw error;
      },
    );
    return subscribing;
  };
  const failAll = (error: LinkError): void => {
    for (const request of open.values()) request.queue.fail(error);
    open.clear();
  };
  const stopListening = [
    link.on('fenced', () =>
      failAll(new LinkError('fenced', 'the link was fenced while replies were awaited')),
    ),
    link.on('closed', () =>
      failAll(new LinkError('closed', 'the link was closed while replies were awaited')),
    ),
  ];

  return {
    replyTopic,
    get size() {
      return open.size;
    },
    async start() {
      await subscribe();
    },
    request(topic, payload, { onReply, ...publishOptions } = {}) {
      if (closed) throw new LinkError('closed', 'the reply router is closed');
      if (open.size >= maxRequests) {
        throw new LinkError('queue-full', `${maxRequests} requests await replies (maxRequests); slow down`);
      }
      const correlationData = publishOptions.correlationData ?? correlations.next();
      const key = keyOf(correlationData);
      const close = (): void => {
        open.delete(key);
        queue.close();
      };
      const queue = new MessageQueue(maxReplies, close);
      open.set(key, { queue, onReply });
      const publish = (): Promise<PublishAck> =>
        link.publish(topic, payload, { ...publishOptions, responseTopic: replyTopic, correlationData });
      // The reply topic must be subscribed before the request goes out, or a quick reply is lost.
      const ack = subscribed ? publish() : subscribe().then(publish);
      ack.catch((error: unknown) => queue.fail(error as Error));
      return { replies: queue, correlationData, ack, close };
    },
    async close() {
      if (closed) return;
      closed = true;
      for (const stop of stopListening) stop();
      failAll(new LinkError('closed', 'the reply router was closed'));
      const subscription = await subscribing?.catch(() => undefined);
      await subscription?.close();
    },
  };
}

function keyOf(correlationData: Uint8Array): string {
  return asBuffer(correlationData).toString('latin1');
}

/** 16 random bytes each: nobody who saw one can guess another. */
class CorrelationSource {
  #pool = Buffer.alloc(0);
  #at = 0;

  next(): Buffer {
    if (this.#at === this.#pool.length) {
      this.#pool = randomFillSync(Buffer.allocUnsafeSlow(4_096));
      this.#at = 0;
    }
    this.#at += 16;
    return this.#pool.subarray(this.#at - 16, this.#at);
  }
}
