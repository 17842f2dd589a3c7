const PREFIX_BYTES = 10;
const COUNTER_BYTES = 6;

/**
 * Correlation Data of one requester: random bytes that name the requester, then a counter. Unique among all that are in flight
 * (profile: Requester 2), and a reply that comes too late is told from one that was never asked for without remembering anything.
 */
export class Correlations {
  readonly #template = new Uint8Array(PREFIX_BYTES + COUNTER_BYTES);
  #next = 0;

  constructor() {
    crypto.getRandomValues(this.#template.subarray(0, PREFIX_BYTES));
  }

  next(): Uint8Array {
    const bytes = Buffer.allocUnsafe(this.#template.length);
    for (let i = 0; i < PREFIX_BYTES; i += 1) bytes[i] = this.#template[i] as number;
    let rest = this.#next++;
    for (let i = bytes.length - 1; i >= PREFIX_BYTES; i -= 1) {
      bytes[i] = rest & 0xff;
      rest = Math.floor(rest / 0x100);
    }
    return bytes;
  }

  /** Was made by `next` here. */
  isOurs(correlationData: Uint8Array): boolean {
    if (correlationData.length !== this.#template.length) return false;
    let counter = 0;
    for (const [i, byte] of correlationData.entries()) {
      if (i >= PREFIX_BYTES) counter = counter * 0x100 + byte;
      else if (byte !== this.#template[i]) return false;
    }
    return counter < this.#next;
  }
}
