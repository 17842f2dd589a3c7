import type { Duplex } from 'node:stream';
import type { IClientOptions, IConnackPacket, IPublishPacket, Packet } from 'mqtt';
import type { ConnackFields } from '../core/broker-features.ts';
import { connectAdvice, isOldConnack, OLD_BROKER } from '../core/connect-advice.ts';
import { encodeDisconnect } from '../core/encode.ts';
import type { PublishFields } from '../core/inbound.ts';
import { LinkError, toError } from '../core/link-error.ts';
import { describeReason, FIRST_FAILURE } from '../core/reason-codes.ts';
import { Outbox } from './outbox.ts';
import { MqttClient } from './platform.ts';

/** An acknowledgement of one of our packets. */
export interface AckFields {
  readonly cmd: 'puback' | 'pubrec' | 'pubcomp' | 'suback' | 'unsuback';
  readonly messageId?: number | undefined;
  readonly reasonCode?: number | undefined;
  /** SUBACK only: one reason code per filter. */
  readonly granted?: readonly unknown[];
  readonly properties?: { readonly reasonString?: string } | undefined;
}

export interface ConnectionHandlers {
  /** CONNACK: called before anything that follows it, which may be in the same chunk. */
  connected(connection: Connection): void;
  /** QoS 1 and 2 messages are not acknowledged for you: send PUBACK or PUBREC. */
  publish(packet: PublishFields): void;
  ack(packet: AckFields): void;
  /** The broker finished a QoS 2 message; PUBCOMP is sent for you. */
  pubrel(messageId: number): void;
  /** Room to write again after `writable` was false. */
  drain(): void;
}

export interface ConnectionLoss {
  /** The reason of the broker's DISCONNECT. */
  readonly reasonCode?: number;
  readonly error?: Error;
}

/** One network connection after CONNACK. It is never used again once closed. */
export interface Connection {
  readonly connack: ConnackFields;
  /** False while the socket's buffer is over its mark. */
  readonly writable: boolean;
  /** Resolves when the socket is gone, whoever closed it. For one caller. */
  whenClosed(): Promise<void>;
  send(bytes: Buffer): void;
  disconnect(reasonCode: number): void;
  destroy(): void;
}

export interface ConnectionOptions {
  readonly openStream: () => Duplex;
  readonly client: IClientOptions;
  readonly connectTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** Tells MQTT.js not to acknowledge: the link does it when the handlers are done. */
const WITHHELD = new Error('acknowledged by the link');

/**
 * MQTT.js with one change: it never acknowledges. Its own way to delay an acknowledgement holds up every packet behind it, also
 * the PUBACK that a handler may be waiting for.
 */
class WireClient extends MqttClient {
  readonly #handlers: ConnectionHandlers;

  constructor(handlers: ConnectionHandlers, streamBuilder: () => Duplex, options: IClientOptions) {
    // QoS 2 only: the error skips MQTT.js's PUBREC, the link sends its own.
    const customHandleAcks: IClientOptions['customHandleAcks'] = (_topic, _message, packet, done) => {
      if (packet.qos !== 2) return done(0);
      handlers.publish(packet as PublishFields);
      done(WITHHELD);
    };
    super(streamBuilder, { ...options, customHandleAcks });
    this.#handlers = handlers;
  }

  override handleMessage(packet: IPublishPacket, callback: (error?: Error) => void): void {
    this.#handlers.publish(packet);
    callback(WITHHELD);
  }
}

/**
 * Connects, and resolves when the connection has ended. MQTT.js does CONNECT, parsing and keep-alive on this one connection; sessions,
 * acknowledgements, subscriptions and reconnecting are the link's, which writes those packets itself.
 * Rejects with `connect-refused`, `connect-timeout`, `connect-failed` or `aborted`.
 */
export function runConnection(
  options: ConnectionOptions,
  handlers: ConnectionHandlers,
): Promise<ConnectionLoss> {
  return new Promise((resolve, reject) => {
    const wire = new WireConnection(options, handlers);
    wire.run((loss, error) => (error === undefined ? resolve(loss) : reject(error)));
  });
}

class WireConnection implements Connection {
  connack: ConnackFields = {};
  readonly #options: ConnectionOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #stream: Duplex;
  readonly #outbox: Outbox;
  #loss: ConnectionLoss = {};
  #timedOut = false;
  #connected = false;
  #onClosed: (() => void) | undefined;
  #isClosed = false;

  constructor(options: ConnectionOptions, handlers: ConnectionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#stream = guardParser(openStream(options));
    this.#outbox = new Outbox(this.#stream);
  }

  get writable(): boolean {
    return !this.#stream.writableNeedDrain;
  }

  whenClosed(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => (this.#onClosed = resolve));
  }

  send(bytes: Buffer): void {
    this.#outbox.push(bytes);
  }

  disconnect(reasonCode: number): void {
    this.#outbox.push(encodeDisconnect(reasonCode));
    this.#outbox.flush();
    this.#stream.end();
  }

  destroy(): void {
    this.#stream.destroy();
  }

  run(onEnd: (loss: ConnectionLoss, error: Error | undefined) => void): void {
    const { signal, connectTimeoutMs } = this.#options;
    const client = new WireClient(this.#handlers, () => this.#stream, {
      ...this.#options.client,
      ...FIXED_CLIENT_OPTIONS,
      connectTimeout: connectTimeoutMs,
    });
    const onAbort = (): void => this.#fail(new LinkError('aborted', 'gave up connecting'));
    signal.addEventListener('abort', onAbort);
    this.#stream.on('error', (error) => this.#fail(error));
    client.on('error', (error) => {
      if (error === WITHHELD) return;
      this.#timedOut ||= !this.#connected && error.message === 'connack timeout';
      this.#fail(error);
    });
    client.on('disconnect', ({ reasonCode = 0 }) => {
      this.#loss = { ...this.#loss, reasonCode };
      this.#stream.destroy();
    });
    client.on('close', () => {
      signal.removeEventListener('abort', onAbort);
      this.#isClosed = true;
      this.#outbox.close();
      this.#onClosed?.();
      onEnd(
        this.#loss,
        this.#connected ? undefined : connectError(this.#loss, this.#timedOut, connectTimeoutMs),
      );
    });
    client.on('packetreceive', (packet: Packet) => {
      if (packet.cmd !== 'connack') return receive(packet, this.#handlers);
      signal.removeEventListener('abort', onAbort);
      return this.#accept(packet);
    });
    if (signal.aborted) onAbort();
    client.connect();
  }

  #accept(connack: IConnackPacket): void {
    if ((connack.reasonCode ?? connack.returnCode ?? 0) !== 0) return this.#fail(connectRefused(connack));
    this.connack = connack;
    this.#connected = true;
    this.#stream.on('drain', () => this.#handlers.drain());
    return this.#handlers.connected(this);
  }

  #fail(error: Error): void {
    this.#loss = { ...this.#loss, error: this.#loss.error ?? error };
    this.#stream.destroy();
  }
}

function openStream({ openStream }: ConnectionOptions): Duplex {
  try {
    return openStream();
  } catch (cause) {
    throw new LinkError('connect-failed', `cannot open a stream: ${toError(cause).message}`, { cause });
  }
}

function receive(packet: Packet, handlers: ConnectionHandlers): void {
  switch (packet.cmd) {
    case 'puback':
    case 'pubrec':
    case 'pubcomp':
    case 'suback':
    case 'unsuback':
      return handlers.ack(packet);
    case 'pubrel':
      return handlers.pubrel(packet.messageId ?? 0);
    default:
      return undefined;
  }
}

const FIXED_CLIENT_OPTIONS: IClientOptions = {
  protocolId: 'MQTT',
  protocolVersion: 5,
  manualConnect: true,
  reconnectPeriod: 0,
  resubscribe: false,
  queueQoSZero: false,
  // Moving the ping timer on every acknowledgement costs more than a ping per keep-alive period.
  reschedulePings: false,
  timerVariant: 'native',
  // 65 536 buffers, 6 MB and 10 ms in every process, to write the two bytes of a packet identifier.
  writeCache: false,
  log: () => undefined,
};

function connectRefused(connack: IConnackPacket): LinkError {
  const reasonCode = connack.reasonCode ?? connack.returnCode ?? FIRST_FAILURE;
  const reasonString = connack.properties?.reasonString;
  const text = isOldConnack(reasonCode) ? OLD_BROKER : describeReason(reasonCode, reasonString);
  return new LinkError('connect-refused', `the broker refused the connection: ${text}`, {
    reasonCode,
    reasonString,
  });
}

function connectError(loss: ConnectionLoss, timedOut: boolean, connectTimeoutMs: number): Error {
  if (loss.error instanceof LinkError) return loss.error;
  if (timedOut) {
    const message = `no CONNACK within ${connectTimeoutMs} ms: is there an MQTT broker at this address and port?`;
    return new LinkError('connect-timeout', message, { cause: loss.error });
  }
  const { reasonCode } = loss;
  const why = loss.error?.message ?? (reasonCode === undefined ? 'closed' : describeReason(reasonCode));
  const advice = reasonCode === undefined ? connectAdvice(loss.error) : undefined;
  const message = `the connection ended before CONNACK: ${why}${advice === undefined ? '' : ` (${advice})`}`;
  return new LinkError('connect-failed', message, { reasonCode, cause: loss.error });
}

/** A packet that the parser chokes on ends the connection, not the process. */
function guardParser(stream: Duplex): Duplex {
  const pipe = stream.pipe.bind(stream);
  stream.pipe = (parser, options) => {
    const write = parser.write.bind(parser) as (chunk: Uint8Array) => boolean;
    parser.write = (chunk: Uint8Array | string) => {
      try {
        return write(chunk as Uint8Array);
      } catch (error) {
        const cause = toError(error);
        stream.destroy(new LinkError('protocol-error', `cannot parse a packet: ${cause.message}`, { cause }));
        return true;
      }
    };
    return pipe(parser, options);
  };
  return stream;
}
