import type { Duplex } from 'node:stream';
import { MqttClient, type IClientOptions, type IConnackPacket, type IPublishPacket, type Packet } from 'mqtt';
import type { ConnackFields } from '../core/broker-features.ts';
import { encodeDisconnect } from '../core/encode.ts';
import type { PublishFields } from '../core/inbound.ts';
import { LinkError, toError } from '../core/link-error.ts';
import { describeReason, FIRST_FAILURE } from '../core/reason-codes.ts';
import { Outbox } from './outbox.ts';

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
  /** Resolves when the socket is gone, whoever closed it. */
  readonly closed: Promise<void>;
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
  onPublish: ((packet: PublishFields) => void) | undefined;

  override handleMessage(packet: IPublishPacket, callback: (error?: Error) => void): void {
    this.onPublish?.(packet);
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
    const stream = guardParser(options.openStream());
    const outbox = new Outbox(stream);
    let loss: ConnectionLoss = {};
    let timedOut = false;
    let connected = false;
    let reportClosed: () => void;
    const closed = new Promise<void>((report) => (reportClosed = report));
    const fail = (error: Error): void => {
      loss = { ...loss, error: loss.error ?? error };
      stream.destroy();
    };
    const onAbort = (): void => fail(new LinkError('aborted', 'gave up connecting'));
    options.signal.addEventListener('abort', onAbort);
    stream.on('error', fail);
    const client = new WireClient(() => stream, {
      ...options.client,
      ...fixedClientOptions(options.connectTimeoutMs),
      // QoS 2 only: the error skips MQTT.js's PUBREC, the link sends its own.
      customHandleAcks: (_topic, _message, packet, done) => {
        if (packet.qos !== 2) return done(0);
        handlers.publish(packet as PublishFields);
        done(WITHHELD);
      },
    });
    client.onPublish = (packet) => handlers.publish(packet);
    client.on('error', (error) => {
      if (error === WITHHELD) return;
      timedOut ||= !connected && error.message === 'connack timeout';
      fail(error);
    });
    client.on('disconnect', (packet) => {
      loss = { ...loss, reasonCode: packet.reasonCode ?? 0 };
      stream.destroy();
    });
    client.on('close', () => {
      options.signal.removeEventListener('abort', onAbort);
      outbox.close();
      reportClosed();
      if (connected) resolve(loss);
      else reject(connectError(loss, timedOut, options.connectTimeoutMs));
    });
    const accept = (connack: IConnackPacket): void => {
      const reasonCode = connack.reasonCode ?? 0;
      if (reasonCode >= FIRST_FAILURE) return fail(connectRefused(connack));
      connected = true;
      options.signal.removeEventListener('abort', onAbort);
      stream.on('drain', () => handlers.drain());
      handlers.connected({
        connack,
        get writable() {
          return !stream.writableNeedDrain;
        },
        closed,
        send: (bytes) => outbox.push(bytes),
        disconnect(code) {
          outbox.push(encodeDisconnect(code));
          outbox.flush();
          stream.end();
        },
        destroy: () => void stream.destroy(),
      });
    };
    client.on('packetreceive', (packet: Packet) => receive(packet, handlers, accept));
    if (options.signal.aborted) onAbort();
    client.connect();
  });
}

function receive(
  packet: Packet,
  handlers: ConnectionHandlers,
  accept: (connack: IConnackPacket) => void,
): void {
  switch (packet.cmd) {
    case 'connack':
      return accept(packet);
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

function fixedClientOptions(connectTimeoutMs: number): IClientOptions {
  return {
    protocolId: 'MQTT',
    protocolVersion: 5,
    connectTimeout: connectTimeoutMs,
    manualConnect: true,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    // Moving the ping timer on every acknowledgement costs more than a ping per keep-alive period.
    reschedulePings: false,
    timerVariant: 'native',
    log: () => undefined,
  };
}

function connectRefused(connack: IConnackPacket): LinkError {
  const reasonCode = connack.reasonCode ?? FIRST_FAILURE;
  const reasonString = connack.properties?.reasonString;
  const text = describeReason(reasonCode, reasonString);
  return new LinkError('connect-refused', `the broker refused the connection: ${text}`, {
    reasonCode,
    reasonString,
  });
}

function connectError(loss: ConnectionLoss, timedOut: boolean, connectTimeoutMs: number): Error {
  if (loss.error instanceof LinkError) return loss.error;
  if (timedOut) {
    return new LinkError('connect-timeout', `no CONNACK within ${connectTimeoutMs} ms`, {
      cause: loss.error,
    });
  }
  const { reasonCode } = loss;
  const why = loss.error?.message ?? (reasonCode === undefined ? 'closed' : describeReason(reasonCode));
  const message = `the connection ended before CONNACK: ${why}`;
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
