import type { Link, Logger } from '@shoal/mqtt-link';
import { sessionTopics, type SessionAddress } from '@shoal/protocol';
import { applyRecord, emptyView, type SessionView } from '../core/view.ts';
import type { ExpectedRecord, SessionSource, SourceWatch } from '../types/session-source.ts';
import { untilPlanned } from './look.ts';
import { Marker } from './marker.ts';

/** The live view of one session, as an instance uses it. */
export interface Watch {
  readonly view: SessionView;
  /** Begins; to be called once, on an open link. */
  open(): Promise<void>;
  /** The instance's link was lost. */
  restart(): void;
  /** Resolves when whatever the broker held at the call is in the view; rejects when the connection is lost before. */
  sync(): Promise<SessionView>;
  /** See SourceWatch. Undefined: the writer puts its record into the view itself. */
  expect?(topic: string, bytes: Uint8Array, record: unknown): ExpectedRecord | undefined;
  close(): void;
}

/** Over subscriptions of the instance's own link. */
export class SessionWatch implements Watch {
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
      if (!this.#marker.isNews(message)) return;
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

  sync(): Promise<SessionView> {
    return untilPlanned(async () => {
      await this.#marker.pass();
      return this.view;
    });
  }

  /** The subscriptions end with the link. */
  close(): void {}
}

/** Over a view that is kept in this process anyway. It may end before the instance does. */
export class SharedWatch implements Watch {
  onChange: () => void = () => undefined;
  onEnd: () => void = () => undefined;
  #watch: SourceWatch | undefined;
  #ended = false;

  /** Undefined when the source cannot be used now. */
  static of(source: SessionSource | undefined, address: SessionAddress): SharedWatch | undefined {
    const shared = new SharedWatch();
    shared.#watch = source?.watch(address, {
      onChange: () => shared.onChange(),
      onEnd: () => {
        shared.#ended = true;
        shared.onEnd();
      },
    });
    return shared.#watch === undefined ? undefined : shared;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get view(): SessionView {
    if (this.#watch === undefined) throw new Error('the watch was not opened');
    return this.#watch.view;
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  restart(): void {}

  async sync(): Promise<SessionView> {
    await this.#watch?.sync();
    return this.view;
  }

  expect(topic: string, bytes: Uint8Array, record: unknown): ExpectedRecord | undefined {
    return this.#ended ? undefined : this.#watch?.expect(topic, bytes, record);
  }

  close(): void {
    this.#watch?.close();
  }
}
