import type { Telemetry } from '@shoal/protocol';

/** The last samples of a device, column by column as a chart wants them. Bounded: the oldest go. */
export class TelemetryRing {
  readonly capacity: number;
  readonly #maxChannels: number;
  #times: number[] = [];
  readonly #channels = new Map<string, (number | null)[]>();
  #units: Readonly<Record<string, string>> = {};
  #lastSeq = -1;
  received = 0;

  constructor(capacity = 600, maxChannels = 64) {
    this.capacity = capacity;
    this.#maxChannels = maxChannels;
  }

  /** A jump back of `seq` is a restart of the device: what was shown before it belongs to another life and goes. */
  push(sample: Telemetry): void {
    const at = Date.parse(sample.at) / 1000;
    if (!Number.isFinite(at)) return;
    if (sample.seq < this.#lastSeq || at < (this.#times.at(-1) ?? 0)) this.clear();
    else if (sample.seq === this.#lastSeq) return;
    this.#lastSeq = sample.seq;
    this.received += 1;
    if (sample.units !== undefined) this.#units = sample.units;
    for (const name of Object.keys(sample.channels))
      if (!this.#channels.has(name) && this.#channels.size < this.#maxChannels)
        this.#channels.set(
          name,
          Array.from({ length: this.#times.length }, () => null),
        );
    this.#times.push(at);
    for (const [name, values] of this.#channels) values.push(sample.channels[name] ?? null);
    if (this.#times.length <= this.capacity * 1.25) return;
    // Cut in pieces: shifting each array for each sample would cost more than the sample.
    this.#times = this.#times.slice(-this.capacity);
    for (const [name, values] of this.#channels) this.#channels.set(name, values.slice(-this.capacity));
  }

  clear(): void {
    this.#times = [];
    this.#channels.clear();
    this.#lastSeq = -1;
  }

  get channels(): readonly string[] {
    return [...this.#channels.keys()];
  }

  unitOf(channel: string): string {
    return this.#units[channel] ?? '';
  }

  last(channel: string): number | null {
    return this.#channels.get(channel)?.at(-1) ?? null;
  }

  /** Seconds since the epoch and the values; the same length. */
  series(channel: string): readonly [readonly number[], readonly (number | null)[]] {
    const values = this.#channels.get(channel) ?? [];
    return [this.#times.slice(-this.capacity), values.slice(-this.capacity)];
  }
}
