/** Message ids that were seen and are still valid. Pure: the time is passed in. */
export class ReplayGuard {
  readonly #seen = new Map<string, number>();
  readonly #maxEntries: number;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  /**
   * Remembers an id until its message expires. `full`: too many messages are valid at once to tell; take none, as forgetting one would
   * let it be repeated.
   */
  take(id: string, expiresAtMs: number, nowMs: number): 'new' | 'repeated' | 'full' {
    if (this.#seen.has(id)) return 'repeated';
    if (this.#seen.size >= this.#maxEntries) this.#sweep(nowMs);
    if (this.#seen.size >= this.#maxEntries) return 'full';
    this.#seen.set(id, expiresAtMs);
    return 'new';
  }

  get size(): number {
    return this.#seen.size;
  }

  #sweep(nowMs: number): void {
    for (const [id, expiresAtMs] of this.#seen) if (expiresAtMs < nowMs) this.#seen.delete(id);
  }
}
