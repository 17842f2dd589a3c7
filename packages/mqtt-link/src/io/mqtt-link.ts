import { backoffDelayMs, type BackoffRange } from '../core/backoff.ts';
import { readBrokerFeatures } from '../core/broker-features.ts';
import { isLinkError, LinkError, toError } from '../core/link-error.ts';
import { PacketIds } from '../core/packet-ids.ts';
import { describeReason, SESSION_TAKEN_OVER } from '../core/reason-codes.ts';
import { assertTopicName } from '../core/topic.ts';
import type {
  BrokerFeatures,
  Link,
  LinkEvents,
  LinkOptions,
  LinkState,
  LinkTransport,
  Logger,
  MessageHandler,
  PublishAck,
  PublishOptions,
  SubscribeOptions,
  Subscription,
} from '../link.ts';
import { connectOptions } from './connect-options.ts';
import { type AckFields, type Connection, type ConnectionLoss, runConnection } from './connection.ts';
import { LinkEmitter } from './emitter.ts';
import { Inbox } from './inbox.ts';
import { silentLogger } from './logger.ts';
import { Publisher } from './publisher.ts';
import { Subscriber } from './subscriber.ts';
import { within } from './within.ts';

const DEFAULT_BACKOFF: BackoffRange = { minDelayMs: 250, maxDelayMs: 10_000 };

/** A link over any number of network connections, one after the other. */
export class MqttLink implements Link {
  readonly clientId: string;
  readonly transport: LinkTransport;
  readonly #options: LinkOptions;
  readonly #connectOptions: ReturnType<typeof connectOptions>;
  readonly #logger: Logger;
  readonly #emitter: LinkEmitter;
  readonly #publisher: Publisher;
  readonly #subscriber: Subscriber;
  readonly #inbox: Inbox;
  /** Aborts waiting and connecting when the link ends. */
  readonly #stop = new AbortController();
  #state: LinkState = 'connecting';
  #connection: Connection | undefined;
  #features: BrokerFeatures | undefined;
  #everOnline = false;
  #closing: Promise<void> | undefined;

  constructor(options: LinkOptions) {
    this.#connectOptions = connectOptions(options);
    this.clientId = options.clientId;
    this.transport = this.#connectOptions.transport;
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#emitter = new LinkEmitter(this.#logger);
    const fenced = options.fenced ?? false;
    const ids = new PacketIds((id) => this.#publisher.uses(id) || this.#subscriber.uses(id));
    this.#publisher = new Publisher({ fenced, ids, maxPending: options.maxPending ?? 10_000 });
    this.#subscriber = new Subscriber({
      fenced,
      ids,
      firstSubscriptionId: 1 + Math.floor(Math.random() * 0x0fff_0000),
      onError: this.#report,
      onAdded: () => this.#inbox.claim(),
    });
    this.#inbox = new Inbox(this.#subscriber, this.#report);
  }

  get state(): LinkState {
    return this.#state;
  }

  get broker(): BrokerFeatures | undefined {
    return this.#features;
  }

  get retainedCount(): number {
    return this.#inbox.retained;
  }

  publish(topic: string, payload: Uint8Array | string, options: PublishOptions = {}): Promise<PublishAck> {
    try {
      assertTopicName('topic', topic);
      const ended = this.#endedError();
      return ended === undefined ? this.#publisher.publish(topic, payload, options) : Promise.reject(ended);
    } catch (error) {
      return Promise.reject(toError(error));
    }
  }

  subscribe(filter: string, handler: MessageHandler, options: SubscribeOptions = {}): Promise<Subscription> {
    try {
      const ended = this.#endedError();
      return ended === undefined
        ? this.#subscriber.subscribe(filter, handler, options)
        : Promise.reject(ended);
    } catch (error) {
      return Promise.reject(toError(error));
    }
  }

  on<E extends keyof LinkEvents>(event: E, listener: LinkEvents[E]): () => void {
    return this.#emitter.on(event, listener);
  }

  close(options: { readonly reasonCode?: number; readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.reasonCode ?? 0, options.timeoutMs ?? 1_000);
    return this.#closing;
  }

  destroy(): void {
    const connection = this.#connection;
    this.#end('closed', new LinkError('closed', 'the link was destroyed'));
    connection?.destroy();
  }

  /** Connects, and stays connected until the link ends. `onOnline` the first time; `onFailure` when that does not come about. */
  async run(onOnline: () => void, onFailure: (error: Error) => void): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      const connectedAtMs = await this.#connectOnce(onOnline, onFailure);
      if (this.#stop.signal.aborted) return;
      if (this.#options.reconnect === false && this.#everOnline) {
        return this.#end(
          'closed',
          new LinkError('connection-lost', 'the connection was lost, and reconnect is off'),
        );
      }
      const range = this.#options.reconnect || DEFAULT_BACKOFF;
      // A connection that did not last counts as a failure, or a broker that drops us at once would see us all the time.
      const lasted = connectedAtMs !== undefined && performance.now() - connectedAtMs >= range.maxDelayMs;
      failures = lasted ? 0 : failures + 1;
      const waitMs = backoffDelayMs(range, failures - 1, Math.random());
      await pause(waitMs, this.#stop.signal);
    }
  }

  /** One connection from the question whether to connect to its end. Returns when it began, or undefined if it did not. */
  async #connectOnce(onOnline: () => void, onFailure: (error: Error) => void): Promise<number | undefined> {
    const givesUp = !this.#everOnline && this.#options.retryInitial !== true;
    try {
      if (!(await this.#mayConnect())) {
        this.#end('fenced', new LinkError('fenced', 'mayConnect said no'));
        return undefined;
      }
      if (this.#stop.signal.aborted) return undefined;
      const loss = await this.#useConnection(onOnline);
      return loss;
    } catch (error) {
      if (this.#stop.signal.aborted) return undefined;
      const cause = toError(error);
      if (givesUp) {
        onFailure(cause);
        this.#end('closed', new LinkError('closed', 'the first connection failed', { cause }));
      } else {
        this.#report(isLinkError(cause) ? cause : new LinkError('connect-failed', cause.message, { cause }));
      }
      return undefined;
    }
  }

  async #useConnection(onOnline: () => void): Promise<number> {
    let connectedAtMs = 0;
    const loss = await runConnection(
      { ...this.#connectOptions, signal: this.#stop.signal },
      {
        connected: (connection) => {
          connectedAtMs = performance.now();
          void this.#attach(connection).then((online) => online && onOnline());
        },
        publish: (packet) => this.#inbox.onPublish(packet),
        pubrel: (messageId) => this.#inbox.onPubrel(messageId),
        ack: (packet) => this.#onAck(packet),
        drain: () => this.#publisher.pump(),
      },
    );
    this.#onLost(loss);
    return connectedAtMs;
  }

  /** Hands the connection to the parts at once; resolves when the subscriptions are restored: whether it is online. */
  async #attach(connection: Connection): Promise<boolean> {
    const sessionPresent = connection.connack.sessionPresent ?? false;
    const features = readBrokerFeatures(connection.connack);
    const reconnect = this.#everOnline;
    this.#connection = connection;
    this.#features = features;
    this.#state = 'online';
    this.#everOnline = true;
    this.#inbox.attach(connection, sessionPresent, reconnect);
    const restored = this.#subscriber.attach(connection, features, sessionPresent);
    this.#publisher.attach(connection, features, sessionPresent);
    const inTime = await within(restored, this.#connectOptions.connectTimeoutMs);
    if (this.#connection !== connection) return false;
    if (!inTime) {
      this.#report(new LinkError('protocol-error', 'the broker did not answer SUBSCRIBE; connecting again'));
      connection.destroy();
      return false;
    }
    this.#logger.debug('online', { clientId: this.clientId, sessionPresent, reconnect });
    this.#emitter.emit('online', { sessionPresent, reconnect });
    return true;
  }

  #onAck(packet: AckFields): void {
    if (packet.cmd === 'suback' || packet.cmd === 'unsuback') this.#subscriber.onAck(packet);
    else this.#publisher.onAck(packet);
  }

  #onLost(loss: ConnectionLoss): void {
    if (this.#connection === undefined) return;
    this.#connection = undefined;
    const { reasonCode } = loss;
    if (reasonCode === SESSION_TAKEN_OVER) {
      const message = 'another client took the session over (0x8e)';
      return this.#end('fenced', new LinkError('fenced', message, { reasonCode }), reasonCode);
    }
    const why = loss.error?.message ?? (reasonCode === undefined ? 'closed' : describeReason(reasonCode));
    const error = new LinkError('connection-lost', `the connection was lost: ${why}`, {
      reasonCode,
      cause: loss.error,
    });
    this.#state = 'offline';
    this.#inbox.detach();
    this.#subscriber.detach(error);
    this.#publisher.detach(error);
    this.#logger.warn('offline', { clientId: this.clientId, why });
    this.#emitter.emit('offline', { error, ...(reasonCode === undefined ? {} : { reasonCode }) });
  }

  async #mayConnect(): Promise<boolean> {
    const { mayConnect } = this.#options;
    if (mayConnect === undefined) return true;
    try {
      const answer = mayConnect();
      if (await within(answer, this.#connectOptions.connectTimeoutMs)) return await answer;
    } catch (cause) {
      const message = `mayConnect failed: ${toError(cause).message}; not connecting without its answer`;
      throw new LinkError('may-connect-failed', message, { cause });
    }
    throw new LinkError(
      'may-connect-failed',
      'mayConnect did not answer in time; not connecting without its answer',
    );
  }

  async #close(reasonCode: number, timeoutMs: number): Promise<void> {
    if (this.#connection !== undefined) await within(this.#publisher.whenIdle(), timeoutMs);
    // Perhaps another one than before.
    const connection = this.#connection;
    this.#end('closed', new LinkError('closed', 'the link is closed'));
    if (connection === undefined) return;
    const closed = connection.whenClosed();
    connection.disconnect(reasonCode);
    if (!(await within(closed, timeoutMs))) connection.destroy();
    await closed;
  }

  /** The last state. Everything that waits fails with `error`. */
  #end(state: 'fenced' | 'closed', error: LinkError, reasonCode?: number): void {
    if (this.#state === 'fenced' || this.#state === 'closed') return;
    this.#state = state;
    this.#connection = undefined;
    this.#stop.abort();
    this.#inbox.detach();
    this.#publisher.failAll(error);
    this.#subscriber.failAll(error);
    this.#logger.debug(state, { clientId: this.clientId, error });
    if (state === 'fenced') this.#emitter.emit('fenced', reasonCode === undefined ? {} : { reasonCode });
    else this.#emitter.emit('closed');
  }

  #endedError(): LinkError | undefined {
    if (this.#state === 'fenced')
      return new LinkError('fenced', 'the link is fenced: its identity belongs to another');
    if (this.#state === 'closed') return new LinkError('closed', 'the link is closed');
    if (this.#closing !== undefined) return new LinkError('closed', 'the link is closing');
    return undefined;
  }

  readonly #report = (error: LinkError): void => {
    this.#logger.warn(error.message, { clientId: this.clientId, code: error.code });
    this.#emitter.emit('error', error);
  };
}

/** Resolves after the time, or when the signal says so. */
function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, durationMs);
    signal.addEventListener('abort', end);
  });
}
