const LAST = 65_535;

/** Packet identifiers of one session: 1 to 65 535, each in use at most once (MQTT 5 §2.2.1). Who uses which is known elsewhere. */
export class PacketIds {
  readonly #isUsed: (id: number) => boolean;
  #next = 1;

  constructor(isUsed: (id: number) => boolean) {
    this.#isUsed = isUsed;
  }

  /** Undefined when all are in use. The identifier is free again when `isUsed` says so. */
  tryTake(): number | undefined {
    for (let tries = 0; tries < LAST; tries += 1) {
      const id = this.#next;
      this.#next = id === LAST ? 1 : id + 1;
      if (!this.#isUsed(id)) return id;
    }
    return undefined;
  }
}
