import { encodePublish, encodePubrel, stampPublish, type EncodedPublish } from '../core/encode.ts';
import { Fifo } from '../core/fifo.ts';
import { LinkError } from '../core/link-error.ts';
import type { PacketIds } from '../core/packet-ids.ts';
import { describeReason, FIRST_FAILURE, NO_MATCHING_SUBSCRIBERS } from '../core/reason-codes.ts';
import type { BrokerFeatures, PublishAck, PublishOptions, Qos } from '../link.ts';
import type { AckFields, Connection } from './connection.ts';
import { Deadlines, type Timed } from './deadlines.ts';
import { expectManyListeners } from './platform.ts';

const ACCEPTED: PublishAck = Object.freeze({ reasonCode: 0, noMatchingSubscribers: false });
const NOBODY_LISTENS: PublishAck = Object.freeze({
  reasonCode: NO_MATCHING_SUBSCRIBERS,
  noMatchingSubscribers: true,
});

/** `released`: the broker owns the QoS 2 message (PUBREC seen), PUBREL is on its way. */
type Phase = 'waiting' | 'sent' | 'released';

class Outgoing implements Timed {
  readonly packet: EncodedPublish;
  readonly qos: Qos;
  readonly topic: string;
  readonly resolve: (ack: PublishAck) => void;
  readonly reject: (error: LinkError) => void;
  phase: Phase = 'waiting';
  /** The caller has its answer. A sent packet stays in flight until its acknowledgement all the same. */
  settled = false;
  deadlineMs = Infinity;
  ack: PublishAck = ACCEPTED;
  stopListening: (() => void) | undefined;

  constructor(
    topic: string,
    packet: EncodedPublish,
    qos: Qos,
    resolve: (ack: PublishAck) => void,
    reject: (error: LinkError) => void,
  ) {
    this.topic = topic;
    this.packet = packet;
    this.qos = qos;
    this.resolve = resolve;
    this.reject = reject;
  }
}

export interface PublisherOptions {
  readonly fenced: boolean;
  readonly maxPending: number;
  readonly ids: PacketIds;
}

/** Sends publishes in the order of the calls, keeps within the broker's Receive Maximum, and sees each one acknowledged. */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #waiting = new Fifo<Outgoing>();
  /** By packet identifier, in the order sent. */
  readonly #inFlight = new Map<number, Outgoing>();
  readonly #deadlines = new Deadlines<Outgoing>(
    () => this.#unsettled(),
    (outgoing) => this.#expire(outgoing),
  );
  #connection: Connection | undefined;
  #features: BrokerFeatures | undefined;
  /** Publishes whose caller still waits. */
  #pending = 0;
  #onIdle: (() => void) | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  publish(topic: string, payload: Uint8Array | string, options: PublishOptions): Promise<PublishAck> {
    const refusal = this.#refuse(options);
    if (refusal !== undefined) return Promise.reject(refusal);
    const qos = options.qos ?? 1;
    const packet = encodePublish(topic, payload, qos, options);
    const tooLarge = this.#refuseSize(packet);
    if (tooLarge !== undefined) return Promise.reject(tooLarge);
    return new Promise((resolve, reject) => {
      const outgoing = new Outgoing(topic, packet, qos, resolve, reject);
      this.#pending += 1;
      if (this.#waiting.length > 0 || !this.#trySend(outgoing)) this.#waiting.push(outgoing);
      if (!outgoing.settled) this.#watch(outgoing, options);
    });
  }

  /** The network connection is up. Sent publishes go out again (MQTT 5 §4.4), before those that waited. */
  attach(connection: Connection, features: BrokerFeatures, sessionPresent: boolean): void {
    this.#connection = connection;
    this.#features = features;
    if (sessionPresent) this.#resend(connection);
    else this.#startOver();
    this.pump();
  }

  /** The network connection is gone. */
  detach(error: LinkError): void {
    this.#connection = undefined;
    if (this.#options.fenced) this.failAll(error);
  }

  failAll(error: LinkError): void {
    const all = [...this.#inFlight.values(), ...this.#waiting.drain()];
    this.#inFlight.clear();
    for (const outgoing of all) this.#reject(outgoing, error);
    this.#deadlines.clear();
    this.#idle();
  }

  onAck(packet: AckFields): void {
    const id = packet.messageId ?? 0;
    const outgoing = this.#inFlight.get(id);
    if (outgoing === undefined) {
      // A PUBREC for a message we no longer know must still be answered, or the broker keeps its identifier for ever.
      if (packet.cmd === 'pubrec' && (packet.reasonCode ?? 0) < FIRST_FAILURE)
        this.#connection?.send(encodePubrel(id));
      return;
    }
    const reasonCode = packet.reasonCode ?? 0;
    if (reasonCode >= FIRST_FAILURE && packet.cmd !== 'pubcomp') {
      this.#inFlight.delete(id);
      this.#reject(outgoing, publishRefused(outgoing.topic, reasonCode, packet.properties?.reasonString));
    } else if (packet.cmd === 'pubrec') {
      outgoing.phase = 'released';
      outgoing.ack = publishAck(packet);
      this.#connection?.send(encodePubrel(id));
    } else {
      this.#inFlight.delete(id);
      this.#resolve(outgoing, packet.cmd === 'puback' ? publishAck(packet) : outgoing.ack);
    }
    if (this.#waiting.length > 0) this.pump();
    if (this.#inFlight.size === 0) this.#idle();
  }

  /** Whether a packet identifier is taken by a publish in flight. */
  uses(id: number): boolean {
    return this.#inFlight.has(id);
  }

  /** Sends what waits, as far as the window and the socket allow. */
  pump(): void {
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      if (!next.settled && !this.#trySend(next)) return;
      this.#waiting.shift();
    }
  }

  /** Resolves when nothing is in flight or waiting; never rejects. */
  whenIdle(): Promise<void> {
    if (this.#inFlight.size === 0 && this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#onIdle = resolve));
  }

  #refuse(options: PublishOptions): LinkError | undefined {
    if (options.signal?.aborted === true)
      return new LinkError('aborted', 'publish was aborted before it was sent');
    if (this.#connection === undefined && this.#options.fenced) {
      return new LinkError('not-connected', 'a fenced link publishes only while it is online');
    }
    if (this.#pending >= this.#options.maxPending) {
      const { maxPending } = this.#options;
      return new LinkError('queue-full', `${maxPending} publishes are waiting (maxPending); slow down`);
    }
    const features = this.#features;
    if (features === undefined) return undefined;
    if ((options.qos ?? 1) > features.maximumQos) {
      return new LinkError('not-supported', `the broker's maximum QoS is ${features.maximumQos}`);
    }
    if (options.retain === true && !features.retainAvailable) {
      return new LinkError('not-supported', 'the broker keeps no retained messages');
    }
    return undefined;
  }

  #refuseSize(packet: EncodedPublish): LinkError | undefined {
    const limit = this.#features?.maximumPacketSize;
    if (limit === undefined || packet.bytes.length <= limit) return undefined;
    const message = `packet of ${packet.bytes.length} bytes, the broker takes ${limit} at most`;
    return new LinkError('packet-too-large', message);
  }

  #watch(outgoing: Outgoing, options: PublishOptions): void {
    this.#deadlines.start(outgoing, options.ackTimeoutMs ?? 30_000);
    const { signal } = options;
    if (signal === undefined) return;
    const onAbort = (): void => {
      this.#reject(
        outgoing,
        new LinkError('aborted', `publish to "${outgoing.topic}" was aborted`, { cause: signal.reason }),
      );
    };
    expectManyListeners(signal);
    signal.addEventListener('abort', onAbort);
    outgoing.stopListening = () => signal.removeEventListener('abort', onAbort);
  }

  #trySend(outgoing: Outgoing): boolean {
    const connection = this.#connection;
    if (connection === undefined || !connection.writable) return false;
    if (outgoing.qos === 0) {
      connection.send(outgoing.packet.bytes);
      this.#resolve(outgoing, ACCEPTED);
      return true;
    }
    if (this.#inFlight.size >= (this.#features?.receiveMaximum ?? 1)) return false;
    const id = this.#options.ids.tryTake();
    if (id === undefined) return false;
    outgoing.phase = 'sent';
    this.#inFlight.set(id, outgoing);
    stampPublish(outgoing.packet, id, false);
    connection.send(outgoing.packet.bytes);
    return true;
  }

  #resend(connection: Connection): void {
    for (const [id, outgoing] of this.#inFlight) {
      if (outgoing.phase === 'released') {
        connection.send(encodePubrel(id));
      } else {
        stampPublish(outgoing.packet, id, true);
        connection.send(outgoing.packet.bytes);
      }
    }
  }

  /** The broker forgot the session: identifiers are free again, and what it had not taken is sent as new. */
  #startOver(): void {
    const later = this.#waiting.drain();
    for (const outgoing of this.#inFlight.values()) {
      if (outgoing.phase === 'released') this.#resolve(outgoing, outgoing.ack);
      else if (!outgoing.settled) this.#waiting.push(outgoing);
    }
    this.#inFlight.clear();
    for (const outgoing of later) this.#waiting.push(outgoing);
  }

  *#unsettled(): Iterable<Outgoing> {
    for (const outgoing of this.#inFlight.values()) if (!outgoing.settled) yield outgoing;
    for (const outgoing of this.#waiting) if (!outgoing.settled) yield outgoing;
  }

  #expire(outgoing: Outgoing): void {
    this.#reject(
      outgoing,
      new LinkError('ack-timeout', `no acknowledgement of the publish to "${outgoing.topic}" in time`),
    );
  }

  #resolve(outgoing: Outgoing, ack: PublishAck): void {
    if (this.#settle(outgoing)) outgoing.resolve(ack);
  }

  #reject(outgoing: Outgoing, error: LinkError): void {
    if (this.#settle(outgoing)) outgoing.reject(error);
  }

  #settle(outgoing: Outgoing): boolean {
    if (outgoing.settled) return false;
    outgoing.settled = true;
    outgoing.stopListening?.();
    this.#pending -= 1;
    return true;
  }

  #idle(): void {
    if (this.#inFlight.size > 0 || this.#waiting.length > 0) return;
    this.#onIdle?.();
    this.#onIdle = undefined;
  }
}

function publishAck(packet: AckFields): PublishAck {
  const reasonString = packet.properties?.reasonString;
  const nobody = packet.reasonCode === NO_MATCHING_SUBSCRIBERS;
  if (reasonString === undefined) return nobody ? NOBODY_LISTENS : ACCEPTED;
  return { reasonCode: packet.reasonCode ?? 0, reasonString, noMatchingSubscribers: nobody };
}

function publishRefused(topic: string, reasonCode: number, reasonString: string | undefined): LinkError {
  const text = describeReason(reasonCode, reasonString);
  return new LinkError('publish-refused', `the broker refused the publish to "${topic}": ${text}`, {
    reasonCode,
    reasonString,
  });
}
