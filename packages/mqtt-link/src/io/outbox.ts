import type { Duplex } from 'node:stream';
import { Buffer } from '../core/bytes.ts';
import { afterThisTurn, copiesOut } from './platform.ts';

/** Written at once when this much has gathered, so that the socket's own mark can brake the sender. */
const FLUSH_BYTES = 65_536;
/** Larger packets are not copied together with others. */
const COPY_LIMIT_BYTES = 16_384;

/** Where the packets of one write are put together. One for all links: it is free again before `flush` returns. */
let scratch = Buffer.alloc(0);

/** Gathers the packets of one turn of the event loop into one write: a system call per packet halves the throughput. */
export class Outbox {
  readonly #stream: Duplex;
  readonly #copiesOut: boolean;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #scheduled = false;
  #closed = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
    this.#copiesOut = copiesOut(stream);
  }

  push(bytes: Buffer): void {
    if (this.#closed) return;
    if (bytes.length > COPY_LIMIT_BYTES) {
      this.flush();
      this.#stream.write(bytes);
      return;
    }
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes > FLUSH_BYTES - COPY_LIMIT_BYTES) return this.flush();
    if (this.#scheduled) return;
    this.#scheduled = true;
    afterThisTurn(this.#onImmediate);
  }

  flush(): void {
    const chunks = this.#chunks;
    if (this.#closed || chunks.length === 0) return;
    if (chunks.length === 1) {
      this.#stream.write(chunks[0]);
      this.#chunks = [];
    } else {
      // What the socket cannot send at once it keeps, and then the shared buffer would be its own.
      if (this.#copiesOut && this.#stream.writableLength === 0) this.#writeFromScratch();
      else this.#stream.write(Buffer.concat(chunks, this.#bytes));
      chunks.length = 0;
    }
    this.#bytes = 0;
  }

  close(): void {
    this.#closed = true;
    this.#chunks = [];
  }

  readonly #onImmediate = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  #writeFromScratch(): void {
    if (scratch.length === 0) scratch = Buffer.allocUnsafeSlow(FLUSH_BYTES);
    let at = 0;
    for (const chunk of this.#chunks) {
      scratch.set(chunk, at);
      at += chunk.length;
    }
    this.#stream.write(scratch.subarray(0, at));
    // The kernel did not take it all: the socket needs these bytes for longer.
    if (this.#stream.writableLength > 0) scratch = Buffer.alloc(0);
  }
}
