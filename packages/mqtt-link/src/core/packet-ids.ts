const LAST = 65_535;

/** Packet identifiers of one session: 1 to 65 535, each in use at most once (MQTT 5 §2.2.1). */
export class PacketIds {
  readonly #used = new Set<number>();
  #next = 1;

  /** Undefined when all are in use. */
  tryTake(): number | undefined {
    if (this.#used.size === LAST) return undefined;
    while (this.#used.has(this.#next)) this.#advance();
    const id = this.#next;
    this.#used.add(id);
    this.#advance();
    return id;
  }

  release(id: number): void {
    this.#used.delete(id);
  }

  #advance(): void {
    this.#next = this.#next === LAST ? 1 : this.#next + 1;
  }
}
