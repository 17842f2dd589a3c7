/** What one step recorded, and so what its acknowledgement waits for. */
export class Stake {
  /** Something has to be written. */
  promised = false;
  /** Records of deliveries that are not written; each goes when its receiver acknowledges. */
  pending = 0;
  /** Called when nothing is left to wait for. */
  onSettled: (() => void) | undefined;

  get isSettled(): boolean {
    return !this.promised && this.pending === 0;
  }

  /** A receiver has acknowledged. */
  spare(): void {
    this.pending--;
    if (this.isSettled) this.onSettled?.();
  }
}

/** Of a step that is never written. */
export const NO_STAKE = new Stake();
