import type { Stake } from '../core/stake.ts';
import type { CommitGate, CommitWaiter } from './commit-gate.ts';
import { HeldPackets } from './held-packets.ts';

/** What goes out to one client: packets that wait for the store, and those that are written at the end of this turn. */
export class Outbox {
  private out: Buffer[] = [];
  private outBytes = 0;
  private readonly held = new HeldPackets();
  private readonly gate: CommitGate;
  private readonly waiter: CommitWaiter;
  private readonly ready: () => void;

  /** `waiter` is told by the gate when to call `release`; `ready` is called when there is something to write. */
  constructor(gate: CommitGate, waiter: CommitWaiter, ready: () => void) {
    this.gate = gate;
    this.waiter = waiter;
    this.ready = ready;
  }

  get bytes(): number {
    return this.outBytes + this.held.bytes;
  }

  /** Of packets that wait for the store. */
  get heldBytes(): number {
    return this.held.bytes;
  }

  /** As `ConnectionPort.send`. */
  send(bytes: Buffer, after: boolean | Stake): void {
    const { gate } = this;
    const stake = typeof after === 'boolean' ? undefined : after;
    const waits = stake === undefined ? after === true && !gate.isClean() : !stake.isSettled;
    if (!waits && this.held.mayPass(bytes)) this.push(bytes);
    else if (waits) {
      this.held.add(bytes, gate.epoch, stake);
      gate.join(this.waiter, stake);
    } else this.held.add(bytes);
  }

  /** Lets go what waited for batches up to this one. */
  release(epoch: number): void {
    for (const bytes of this.held.release(epoch)) this.push(bytes);
  }

  private push(bytes: Buffer): void {
    this.out.push(bytes);
    this.outBytes += bytes.length;
    this.ready();
  }

  /** What is to be written now; undefined when there is nothing. */
  take(): { readonly buffers: Buffer[]; readonly bytes: number } | undefined {
    if (this.out.length === 0) return undefined;
    const taken = { buffers: this.out, bytes: this.outBytes };
    this.out = [];
    this.outBytes = 0;
    return taken;
  }

  clear(): void {
    this.out = [];
    this.outBytes = 0;
    this.held.clear();
  }
}
