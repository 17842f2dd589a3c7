/** Acknowledges one packet when every handler that got it is done. One refusal withholds the acknowledgement for good. */
export class Receipt {
  readonly #acknowledge: () => void;
  readonly #withhold: () => void;
  #open: number;
  #refused = false;

  constructor(handlers: number, acknowledge: () => void, withhold: () => void) {
    this.#open = handlers;
    this.#acknowledge = acknowledge;
    this.#withhold = withhold;
  }

  done(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    if (this.#refused) this.#withhold();
    else this.#acknowledge();
  }

  refuse(): void {
    this.#refused = true;
    this.done();
  }
}
