import { malformed, PacketError, Reason } from '../reason-codes.ts';

export type FrameHandler = (bytes: Buffer, start: number, bodyStart: number, end: number) => boolean;

/**
 * Cuts a byte stream into packets. Holds at most one incomplete packet, no longer than `maxPacketBytes`; memory grows with the bytes
 * that came, not with the length that was announced. Frames are views: they stay valid, their memory is never reused.
 */
export class FrameSplitter {
  private readonly maxPacketBytes: number;
  private held = Buffer.alloc(0);
  private heldBytes = 0;

  constructor(maxPacketBytes: number) {
    this.maxPacketBytes = maxPacketBytes;
  }

  /** Calls `onFrame` for each complete packet until it returns false; what is left is then dropped. Throws PacketError. */
  push(chunk: Buffer, onFrame: FrameHandler): void {
    const data = this.heldBytes === 0 ? chunk : this.append(chunk);
    let position = 0;
    while (position < data.length) {
      const frame = this.nextFrame(data, position);
      if (frame === undefined) break;
      if (!onFrame(data, position, frame.bodyStart, frame.end)) {
        this.heldBytes = 0;
        return;
      }
      position = frame.end;
    }
    this.keep(data, position);
  }

  private nextFrame(data: Buffer, position: number): { bodyStart: number; end: number } | undefined {
    let length = 0;
    for (let i = 1; i <= 4; i++) {
      const byte = data[position + i];
      if (byte === undefined) return undefined;
      length += (byte & 0x7f) * 2 ** (7 * (i - 1));
      if ((byte & 0x80) !== 0) continue;
      if (byte === 0 && i > 1) throw malformed('remaining length: is not in its shortest form');
      const bodyStart = position + i + 1;
      const end = bodyStart + length;
      if (end - position > this.maxPacketBytes) {
        throw new PacketError(
          Reason.packetTooLarge,
          `packet: ${end - position} bytes, the limit is ${this.maxPacketBytes}`,
        );
      }
      return end > data.length ? undefined : { bodyStart, end };
    }
    throw malformed('remaining length: takes more than four bytes');
  }

  private append(chunk: Buffer): Buffer {
    const total = this.heldBytes + chunk.length;
    if (total > this.held.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(total, this.heldBytes * 2));
      this.held.copy(grown, 0, 0, this.heldBytes);
      this.held = grown;
    }
    chunk.copy(this.held, this.heldBytes);
    this.heldBytes = total;
    return this.held.subarray(0, total);
  }

  private keep(data: Buffer, position: number): void {
    const left = data.length - position;
    if (left === 0) {
      this.held = Buffer.alloc(0);
      this.heldBytes = 0;
    } else if (position > 0 || this.heldBytes === 0) {
      this.held = Buffer.allocUnsafeSlow(left);
      data.copy(this.held, 0, position);
      this.heldBytes = left;
    }
  }
}
