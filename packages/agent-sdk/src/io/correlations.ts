/**
 * Correlation Data of one requester: random bytes that name the requester, then a counter. Unique among all that are in flight
 * (profile: Requester 2), and a reply that comes too late is told from one that was never asked for without remembering anything.
 */
export class Correlations {
  readonly #prefix: Uint8Array;
  #next = 0;

  constructor() {
    this.#prefix = crypto.getRandomValues(new Uint8Array(10));
  }

  next(): Uint8Array {
    const bytes = new Uint8Array(this.#prefix.length + 6);
    bytes.set(this.#prefix);
    const view = new DataView(bytes.buffer);
    view.setUint16(this.#prefix.length, Math.floor(this.#next / 0x1_0000_0000));
    view.setUint32(this.#prefix.length + 2, this.#next % 0x1_0000_0000);
    this.#next += 1;
    return bytes;
  }

  /** Was made by `next` here. */
  isOurs(correlationData: Uint8Array): boolean {
    const start = this.#prefix.length;
    if (
      correlationData.length !== start + 6 ||
      !this.#prefix.every((byte, index) => byte === correlationData[index])
    )
      return false;
    const view = new DataView(correlationData.buffer, correlationData.byteOffset + start);
    return view.getUint16(0) * 0x1_0000_0000 + view.getUint32(2) < this.#next;
  }
}
