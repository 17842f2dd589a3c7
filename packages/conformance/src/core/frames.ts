/** Cuts a stream of bytes into whole MQTT packets, so that they can be passed on byte for byte (MQTT 5 §2.1.4). */
export class FrameSplitter {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Buffer[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Buffer[] = [];
    for (;;) {
      const length = frameLength(this.#rest);
      if (length === undefined || this.#rest.length < length) return frames;
      frames.push(this.#rest.subarray(0, length));
      this.#rest = this.#rest.subarray(length);
    }
  }
}

/** Undefined while the length itself is incomplete. A length of more than four bytes is cut after them: the peer will complain. */
function frameLength(bytes: Buffer): number | undefined {
  let value = 0;
  for (let index = 1; index <= 4; index += 1) {
    const byte = bytes[index];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 128 ** (index - 1);
    if ((byte & 0x80) === 0) return 1 + index + value;
  }
  return 5;
}
