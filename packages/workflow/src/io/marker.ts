import { LinkError, markerTopicOf, type Link } from '@shoal/mqtt-link';

/**
 * Tells when everything that the broker had for this client has arrived: a message to oneself comes after it. That follows from the
 * order of one connection (MQTT 5 §4.6), not from waiting.
 */
export class Marker {
  readonly #link: Link;
  readonly #expected = new Map<string, () => void>();

  constructor(link: Link) {
    this.#link = link;
  }

  /** Subscribes; the link restores it after a reconnect. */
  async open(): Promise<void> {
    await this.#link.subscribe(markerTopicOf(this.#link.clientId), (message) =>
      this.#expected.get(message.text())?.(),
    );
  }

  /** Resolves when the marker is back; rejects with LinkError when the connection is lost before. */
  async pass(): Promise<void> {
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
}
