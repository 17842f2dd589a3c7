import type { Duplex } from 'node:stream';

/** Above this average size, copying costs more than another buffer in the write. */
const COPY_LIMIT_BYTES = 16_384;
/** Written at once when this much has gathered, so that the socket's own mark can brake the sender. */
const FLUSH_BYTES = 65_536;

/** Gathers the packets of one turn of the event loop into one write: a system call per packet halves the throughput. */
export class Outbox {
  readonly #stream: Duplex;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #scheduled = false;
  #closed = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  push(bytes: Buffer): void {
    if (this.#closed) return;
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes >= FLUSH_BYTES) return this.flush();
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#onImmediate);
  }

  flush(): void {
    const chunks = this.#chunks;
    if (this.#closed || chunks.length === 0) return;
    this.#chunks = [];
    const bytes = this.#bytes;
    this.#bytes = 0;
    if (chunks.length === 1) this.#stream.write(chunks[0]);
    else if (bytes <= COPY_LIMIT_BYTES * chunks.length) this.#stream.write(Buffer.concat(chunks, bytes));
    else this.#writeApart(chunks);
  }

  close(): void {
    this.#closed = true;
    this.#chunks = [];
  }

  readonly #onImmediate = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  #writeApart(chunks: readonly Buffer[]): void {
    this.#stream.cork();
    for (const chunk of chunks) this.#stream.write(chunk);
    this.#stream.uncork();
  }
}
