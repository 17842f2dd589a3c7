import type { Link, Logger } from '@shoal/mqtt-link';
import { sessionTopics, type SessionAddress } from '@shoal/protocol';
import { applyRecord, emptyView, type SessionView } from '../core/view.ts';
import { Marker } from './marker.ts';

/** The live view of one session over a link. */
export class SessionWatch {
  view: SessionView;
  readonly #link: Link;
  readonly #logger: Logger;
  readonly #onChange: () => void;
  readonly #marker: Marker;

  constructor(link: Link, address: SessionAddress, logger: Logger, onChange: () => void) {
    this.#link = link;
    this.#logger = logger;
    this.#onChange = onChange;
    this.#marker = new Marker(link);
    this.view = emptyView(address);
  }

  /** Subscribes; the link restores the subscriptions after a reconnect. */
  async open(): Promise<void> {
    await this.#marker.open();
    await this.#link.subscribe(sessionTopics(this.view).all, (message) => {
      const applied = applyRecord(this.view, message.topic, message.payload);
      if (applied.applied) this.#onChange();
      else if (!('repair' in applied))
        this.#logger.warn('record ignored', { topic: message.topic, reason: applied.reason });
    });
  }

  /** Starts an empty view before a reconnect brings the retained records again. */
  restart(): void {
    this.view = emptyView(this.view);
  }

  /** Resolves when whatever the broker held at the call is in the view; rejects when the connection is lost before. */
  async sync(): Promise<SessionView> {
    await this.#marker.pass();
    return this.view;
  }
}
