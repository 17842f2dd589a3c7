const ALPHABET = '0123456789abcdefghijklmnopqrstuv';
const PREFIX_LENGTH = 14;
const COUNTER_LENGTH = 7;

/**
 * Correlation Data of one requester: random characters that name the requester, then a counter. Unique among all that are in flight
 * (profile: Requester 2), and a reply that comes too late is told from one that was never asked for without remembering anything.
 * ASCII, though any bytes would do by MQTT 5: the profile's Python SDK 0.1.0 decodes them as UTF-8 and ends its process when it can't.
 */
export class Correlations {
  readonly #prefix = Array.from(crypto.getRandomValues(new Uint8Array(PREFIX_LENGTH)), toDigit);
  #next = 0;

  next(): Uint8Array {
    const bytes = new Uint8Array(PREFIX_LENGTH + COUNTER_LENGTH);
    for (let i = 0; i < PREFIX_LENGTH; i += 1) bytes[i] = this.#prefix[i] as number;
    let rest = this.#next++;
    for (let i = bytes.length - 1; i >= PREFIX_LENGTH; i -= 1) {
      bytes[i] = toDigit(rest);
      rest = Math.floor(rest / ALPHABET.length);
    }
    return bytes;
  }

  /** Was made by `next` here. */
  isOurs(correlationData: Uint8Array): boolean {
    if (correlationData.length !== PREFIX_LENGTH + COUNTER_LENGTH) return false;
    if (!this.#prefix.every((digit, i) => digit === correlationData[i])) return false;
    const counter = String.fromCharCode(...correlationData.subarray(PREFIX_LENGTH));
    return Number.parseInt(counter, ALPHABET.length) < this.#next;
  }
}

/** The lowest five bits as one character of the alphabet. */
function toDigit(number: number): number {
  return ALPHABET.charCodeAt(number % ALPHABET.length);
}
