/** A bounded map whose entries age. Pure: the time is passed in. */
export class RecentMap<V> {
  readonly #entries = new Map<string, { readonly value: V; readonly setAtMs: number }>();
  readonly #maxEntries: number;
  readonly #maxAgeMs: number;

  /** One more than `maxEntries` drops the one that was set longest ago. */
  constructor(maxEntries: number, maxAgeMs: number) {
    this.#maxEntries = maxEntries;
    this.#maxAgeMs = maxAgeMs;
  }

  get(key: string, nowMs: number): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (nowMs - entry.setAtMs < this.#maxAgeMs) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, value: V, nowMs: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, setAtMs: nowMs });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#maxEntries && oldest !== undefined) this.#entries.delete(oldest);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
