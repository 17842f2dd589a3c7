import type { Stake } from '../core/stake.ts';

interface Held {
  readonly bytes: Buffer;
  readonly epoch: number;
  readonly stake: Stake | undefined;
}

/** PUBACK, PUBREC and PUBCOMP. */
function isAnswer(bytes: Buffer): boolean {
  const type = (bytes[0] as number) >> 4;
  return type === 4 || type === 5 || type === 7;
}

/** PUBLISH and PUBCOMP. */
function mayOvertake(bytes: Buffer): boolean {
  const type = (bytes[0] as number) >> 4;
  return type === 3 || type === 7;
}

/** Packets that wait for a batch of the store, and those behind them: a connection keeps its order. */
export class HeldPackets {
  private items: Held[] = [];
  /** Packets that nothing may pass. */
  private barriers = 0;
  bytes = 0;

  /**
   * A message need not wait behind answers to what its receiver published, nor the end of one handshake behind the beginning of another:
   * MQTT 5 §4.6 orders messages, PUBACKs, PUBRECs and PUBRELs, each among themselves.
   */
  mayPass(bytes: Buffer): boolean {
    return this.items.length === 0 || (this.barriers === 0 && mayOvertake(bytes));
  }

  /** Without an epoch the packet waits only for what is before it; with a stake it may also go when that is settled. */
  add(bytes: Buffer, epoch?: number, stake?: Stake): void {
    const last = this.items[this.items.length - 1];
    this.items.push({
      bytes,
      epoch: epoch ?? last?.epoch ?? 0,
      stake: epoch === undefined ? last?.stake : stake,
    });
    this.bytes += bytes.length;
    if (!isAnswer(bytes)) this.barriers++;
  }

  /** What may go now that everything up to this batch is on disk. */
  release(epoch: number): Buffer[] {
    const end = this.items.findIndex((held) => held.epoch > epoch && held.stake?.isSettled !== true);
    const released = this.items.splice(0, end === -1 ? this.items.length : end).map(({ bytes }) => bytes);
    for (const bytes of released) {
      this.bytes -= bytes.length;
      if (!isAnswer(bytes)) this.barriers--;
    }
    return released;
  }

  clear(): void {
    this.items = [];
    this.barriers = 0;
    this.bytes = 0;
  }
}
