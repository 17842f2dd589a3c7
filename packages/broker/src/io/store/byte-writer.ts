const FIRST_BYTES = 4 * 1024;

/** A buffer that grows with what is written into it. */
export class ByteWriter {
  bytes = Buffer.allocUnsafe(FIRST_BYTES);
  length = 0;

  /** Makes room behind what was written, and returns where it begins. */
  claim(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length));
      larger.set(this.bytes.subarray(0, at));
      this.bytes = larger;
    }
    return at;
  }

  /** What was written; nothing may be written afterwards. */
  finish(): Buffer {
    return this.bytes.subarray(0, this.length);
  }
}
