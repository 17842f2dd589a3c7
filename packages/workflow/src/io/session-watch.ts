import { randomUUID } from 'node:crypto';
import { LinkError, markerTopicOf, type Link, type Logger } from '@shoal/mqtt-link';
import { sessionTopics, type SessionAddress } from '@shoal/protocol';
import { applyRecord, emptyView, type SessionView } from '../core/view.ts';

/**
 * The live view of one session over a link. `sync` makes it current: whatever the broker held when it was called is in the view when
 * it resolves. That follows from the order of one connection, not from waiting.
 */
export class SessionWatch {
  view: SessionView;
  readonly #link: Link;
  readonly #logger: Logger;
  readonly #onChange: () => void;
  readonly #markers = new Map<string, () => void>();

  constructor(link: Link, address: SessionAddress, logger: Logger, onChange: () => void) {
    this.#link = link;
    this.#logger = logger;
    this.#onChange = onChange;
    this.view = emptyView(address);
  }

  /** Subscribes; the link restores both subscriptions after a reconnect. */
  async open(): Promise<void> {
    await this.#link.subscribe(markerTopicOf(this.#link.clientId), (message) =>
      this.#markers.get(message.text())?.(),
    );
    await this.#link.subscribe(sessionTopics(this.view).all, (message) => {
      const applied = applyRecord(this.view, message.topic, message.payload);
      if (applied.applied) this.#onChange();
      else if (!('repair' in applied))
        this.#logger.warn('record ignored', { topic: message.topic, reason: applied.reason });
    });
  }

  /** Starts an empty view before a reconnect brings the retained records again; returns what was held. */
  restart(): SessionView {
    const held = this.view;
    this.view = emptyView(held);
    return held;
  }

  /** Rejects when the connection is lost before the marker is back. */
  async sync(): Promise<SessionView> {
    const nonce = randomUUID();
    let stop: readonly (() => void)[] = [];
    try {
      const seen = new Promise<void>((resolve, reject) => {
        this.#markers.set(nonce, resolve);
        stop = (['offline', 'fenced', 'closed'] as const).map((event) =>
          this.#link.on(event, () => reject(new LinkError('connection-lost', `the link is ${event}`))),
        );
      });
      seen.catch(() => undefined);
      await this.#link.publish(markerTopicOf(this.#link.clientId), nonce);
      await seen;
      return this.view;
    } finally {
      this.#markers.delete(nonce);
      for (const off of stop) off();
    }
  }
}
