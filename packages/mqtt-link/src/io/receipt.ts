export interface Acknowledger<Origin> {
  acknowledge(messageId: number, origin: Origin): void;
  /** A handler refused the message: it stays unacknowledged. */
  withhold(messageId: number, origin: Origin): void;
}

/** Acknowledges one packet when every handler that got it is done. One refusal withholds the acknowledgement for good. */
export class Receipt<Origin = unknown> {
  readonly #acknowledger: Acknowledger<Origin>;
  readonly #messageId: number;
  readonly #origin: Origin;
  #open: number;
  #refused = false;

  constructor(handlers: number, acknowledger: Acknowledger<Origin>, messageId: number, origin: Origin) {
    this.#open = handlers;
    this.#acknowledger = acknowledger;
    this.#messageId = messageId;
    this.#origin = origin;
  }

  done(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    if (this.#refused) this.#acknowledger.withhold(this.#messageId, this.#origin);
    else this.#acknowledger.acknowledge(this.#messageId, this.#origin);
  }

  refuse(): void {
    this.#refused = true;
    this.done();
  }
}
