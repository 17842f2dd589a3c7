import { LinkError, markerTopicOf, retainedArrived, type InboundMessage, type Link } from '@shoal/mqtt-link';

/**
 * Tells when everything that the broker had for this client has arrived: what it held for the subscriptions (`retainedArrived`), once for
 * each connection, and what was published since. A message to oneself comes after that: it follows from the order of one connection
 * (MQTT 5 §4.6), not from waiting.
 */
export class Marker {
  readonly #link: Link;
  readonly #expected = new Map<string, () => void>();
  /** Counts connections. */
  #connection = 0;
  /** What was held has come, on this connection. */
  #isRead = false;
  #reading: Promise<void> | undefined;
  /** Topics with a word that came live while what was held was still coming. */
  readonly #live = new Set<string>();
  readonly #onLate: (topic: string) => void;

  /** `onLate`: something that was held came after the marker, so that the marker told nothing. */
  constructor(link: Link, onLate: (topic: string) => void = () => undefined) {
    this.#link = link;
    this.#onLate = onLate;
    link.on('offline', () => {
      this.#connection += 1;
      this.#isRead = false;
      this.#live.clear();
    });
  }

  /** Subscribes; the link restores it after a reconnect. */
  async open(): Promise<void> {
    await this.#link.subscribe(markerTopicOf(this.#link.clientId), (message) =>
      this.#expected.get(message.text())?.(),
    );
  }

  /** To be asked about every message of the subscriptions. False: a later word on its topic was here before it (EMQX reads in pieces). */
  isNews({ topic, retain }: Pick<InboundMessage, 'topic' | 'retain'>): boolean {
    if (this.#isRead) {
      if (retain) this.#onLate(topic);
      return true;
    }
    if (!retain) this.#live.add(topic);
    return !retain || !this.#live.has(topic);
  }

  /** Resolves when the marker is back; rejects with LinkError when the connection is lost before. */
  async pass(): Promise<void> {
    if (!this.#isRead) await (this.#reading ??= this.#read().finally(() => (this.#reading = undefined)));
    const nonce = crypto.randomUUID();
    let stop: readonly (() => void)[] = [];
    try {
      const seen = new Promise<void>((resolve, reject) => {
        this.#expected.set(nonce, resolve);
        stop = (['offline', 'fenced', 'closed'] as const).map((event) =>
          this.#link.on(event, () => reject(new LinkError('connection-lost', `the link is ${event}`))),
        );
      });
      seen.catch(() => undefined);
      await this.#link.publish(markerTopicOf(this.#link.clientId), nonce);
      await seen;
    } finally {
      this.#expected.delete(nonce);
      for (const off of stop) off();
    }
  }

  async #read(): Promise<void> {
    const connection = this.#connection;
    await retainedArrived(this.#link);
    if (connection !== this.#connection) return;
    this.#isRead = true;
    this.#live.clear();
  }
}
