const PREFIX_LENGTH = 12;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Correlation Data of one requester: random characters that name the requester, then a counter. Unique among all that are in flight
 * (profile: Requester 2), and a reply that comes too late is told from one that was never asked for without remembering anything.
 * ASCII, though any bytes would do by MQTT 5: the profile's Python SDK 0.1.0 decodes them as UTF-8 and ends its process when it can't.
 */
export class Correlations {
  readonly #prefix = crypto.randomUUID().replaceAll('-', '').slice(0, PREFIX_LENGTH);
  #next = 0;

  next(): Uint8Array {
    const text = `${this.#prefix}.${this.#next.toString(36)}`;
    this.#next += 1;
    return encoder.encode(text);
  }

  /** Was made by `next` here. */
  isOurs(correlationData: Uint8Array): boolean {
    const text = decoder.decode(correlationData);
    if (!text.startsWith(`${this.#prefix}.`)) return false;
    const counter = text.slice(PREFIX_LENGTH + 1);
    return /^[0-9a-z]{1,11}$/.test(counter) && Number.parseInt(counter, 36) < this.#next;
  }
}
