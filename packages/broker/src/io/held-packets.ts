interface Held {
  readonly epoch: number;
  readonly bytes: Buffer;
}

/** Packets that wait for a batch of the store, and those behind them: a connection keeps its order. */
export class HeldPackets {
  private items: Held[] = [];
  bytes = 0;

  get isEmpty(): boolean {
    return this.items.length === 0;
  }

  /** Without an epoch the packet waits only for what is before it. */
  add(bytes: Buffer, epoch: number | undefined): void {
    const last = this.items[this.items.length - 1];
    this.items.push({ epoch: epoch ?? last?.epoch ?? 0, bytes });
    this.bytes += bytes.length;
  }

  /** What may go now that everything up to this batch is on disk. */
  release(epoch: number): Buffer[] {
    const end = this.items.findIndex((held) => held.epoch > epoch);
    const released = this.items.splice(0, end === -1 ? this.items.length : end).map(({ bytes }) => bytes);
    for (const bytes of released) this.bytes -= bytes.length;
    return released;
  }

  clear(): void {
    this.items = [];
    this.bytes = 0;
  }
}
