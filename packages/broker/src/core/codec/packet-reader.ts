import { isUtf8 } from 'node:buffer';

import { malformed } from '../reason-codes.ts';

/** Reads the fields of one packet; every read is bounded by the packet and names its field when it fails. */
export class PacketReader {
  readonly bytes: Buffer;
  position: number;
  readonly end: number;

  constructor(bytes: Buffer, position: number, end: number) {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
  }

  get left(): number {
    return this.end - this.position;
  }

  byte(field: string): number {
    if (this.position >= this.end) throw malformed(`${field}: packet ends early`);
    return this.bytes[this.position++] as number;
  }

  uint16(field: string): number {
    if (this.position + 2 > this.end) throw malformed(`${field}: packet ends early`);
    const value = ((this.bytes[this.position] as number) << 8) | (this.bytes[this.position + 1] as number);
    this.position += 2;
    return value;
  }

  uint32(field: string): number {
    const high = this.uint16(field);
    return high * 0x10000 + this.uint16(field);
  }

  /** Variable byte integer, MQTT 5 §1.5.5. */
  varint(field: string): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte(field);
      value += (byte & 0x7f) * 2 ** shift;
      if ((byte & 0x80) === 0) {
        if (byte === 0 && shift > 0) throw malformed(`${field}: length is not in its shortest form`);
        return value;
      }
    }
    throw malformed(`${field}: length takes more than four bytes`);
  }

  binary(field: string): Buffer {
    const length = this.uint16(field);
    if (this.position + length > this.end) throw malformed(`${field}: packet ends early`);
    const start = this.position;
    this.position += length;
    return this.bytes.subarray(start, this.position);
  }

  /** UTF-8 string, MQTT 5 §1.5.4: well-formed and without U+0000. */
  text(field: string): string {
    const length = this.uint16(field);
    const start = this.position;
    const ascii = this.skipText(field, length);
    return this.bytes.toString(ascii ? 'latin1' : 'utf8', start, start + length);
  }

  /** Checks a string without making one; for what is only passed on. Returns where its content starts. */
  passText(field: string): number {
    const length = this.uint16(field);
    const start = this.position;
    this.skipText(field, length);
    return start;
  }

  private skipText(field: string, length: number): boolean {
    const start = this.position;
    const end = start + length;
    if (end > this.end) throw malformed(`${field}: packet ends early`);
    this.position = end;
    let all = 0;
    for (let i = start; i < end; i++) {
      const byte = this.bytes[i] as number;
      if (byte === 0) throw malformed(`${field}: contains U+0000`);
      all |= byte;
    }
    if (all < 0x80) return true;
    if (!isUtf8(this.bytes.subarray(start, end))) throw malformed(`${field}: is not well-formed UTF-8`);
    return false;
  }
}
