import { encodePuback, encodePubrec } from '../core/encode.ts';
import { Inbound, type PublishFields } from '../core/inbound.ts';
import { LinkError } from '../core/link-error.ts';
import type { Connection } from './connection.ts';
import { Receipt, type Acknowledger } from './receipt.ts';
import type { Subscriber } from './subscriber.ts';

interface Unclaimed {
  readonly packet: PublishFields;
  readonly message: Inbound;
}

const MAX_UNCLAIMED = 1_000;

/** `handling`: handlers run, PUBREC not sent. `received`: PUBREC sent, PUBREL not seen. */
type Qos2State = 'handling' | 'received';

/** Hands messages to handlers, and acknowledges them when the handlers say so. */
export class Inbox {
  readonly #subscriber: Subscriber;
  readonly #onError: (error: LinkError) => void;
  /** QoS 2 identifiers of this session, so that a repeated PUBLISH is not handled twice (MQTT 5 §4.3.3). */
  readonly #qos2 = new Map<number, Qos2State>();
  /**
   * Messages of a session that outlived the process before us, for which nobody has subscribed yet. They stay unacknowledged:
   * dropping them would lose what the session was kept for.
   */
  #unclaimed: Unclaimed[] = [];
  #resumed = false;
  #connection: Connection | undefined;
  readonly #qos1Acknowledger: Acknowledger<Connection | undefined> = {
    // It belongs to the connection the message came on: on the next one the identifier may be another message.
    acknowledge: (messageId, connection) => {
      if (connection === this.#connection) connection?.send(encodePuback(messageId));
    },
    withhold: () => undefined,
  };
  /** At QoS 2 the session remembers, whatever the connection. The state is gone when the session ended. */
  readonly #qos2Acknowledger: Acknowledger<Connection | undefined> = {
    acknowledge: (messageId) => {
      if (this.#qos2.get(messageId) !== 'handling') return;
      this.#qos2.set(messageId, 'received');
      this.#connection?.send(encodePubrec(messageId));
    },
    withhold: (messageId) => {
      if (this.#qos2.get(messageId) === 'handling') this.#qos2.delete(messageId);
    },
  };

  /** Messages that came with the retain flag. */
  retained = 0;

  constructor(subscriber: Subscriber, onError: (error: LinkError) => void) {
    this.#subscriber = subscriber;
    this.#onError = onError;
  }

  attach(connection: Connection, sessionPresent: boolean, reconnect: boolean): void {
    this.#connection = connection;
    if (!sessionPresent) this.#qos2.clear();
    if (!reconnect) this.#resumed = sessionPresent;
    else if (!sessionPresent) this.#resumed = false;
    this.#unclaimed = [];
  }

  detach(): void {
    this.#connection = undefined;
    this.#unclaimed = [];
  }

  onPublish(packet: PublishFields): void {
    const { qos, messageId } = packet;
    if (qos === 2 && messageId !== undefined) {
      const state = this.#qos2.get(messageId);
      if (state === 'received') this.#connection?.send(encodePubrec(messageId));
      if (state !== undefined) return;
    }
    const message = new Inbound(packet, performance.now());
    if (message.retain) this.retained += 1;
    this.#deliver(packet, message);
  }

  onPubrel(messageId: number): void {
    this.#qos2.delete(messageId);
  }

  /** Offers messages that nobody wanted to a handler that came later. */
  claim(): void {
    const waiting = this.#unclaimed;
    if (waiting.length === 0) return;
    this.#unclaimed = [];
    for (const { packet, message } of waiting) this.#deliver(packet, message);
  }

  #deliver(packet: PublishFields, message: Inbound): void {
    const ids = packet.properties?.subscriptionIdentifier;
    const queues = this.#subscriber.recipients(message, ids);
    if (queues === undefined && this.#resumed && packet.qos > 0) return this.#keep({ packet, message });
    const receipt = this.#receipt(packet, queues?.length ?? 0);
    if (queues === undefined || queues.length === 0) receipt?.done();
    else for (const queue of queues) queue.push(message, receipt);
  }

  #receipt(packet: PublishFields, handlers: number): Receipt<Connection | undefined> | undefined {
    const { qos, messageId } = packet;
    if (qos === 0 || messageId === undefined) return undefined;
    if (qos === 2) this.#qos2.set(messageId, 'handling');
    return new Receipt(
      handlers,
      qos === 1 ? this.#qos1Acknowledger : this.#qos2Acknowledger,
      messageId,
      this.#connection,
    );
  }

  #keep(unclaimed: Unclaimed): void {
    if (this.#unclaimed.length === 0) {
      const { topic } = unclaimed.packet;
      const message = `the session brought a message of "${topic}" that no handler wants yet; it stays unacknowledged`;
      this.#onError(new LinkError('unclaimed-message', message));
    }
    if (this.#unclaimed.length < MAX_UNCLAIMED) this.#unclaimed.push(unclaimed);
  }
}
