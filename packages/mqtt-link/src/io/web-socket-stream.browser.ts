import { Duplex } from 'readable-stream';

/** Bytes that a WebSocket may hold unsent before writes have to wait. */
const HIGH_WATER_BYTES = 262_144;
const DRAIN_POLL_MS = 20;

/** A browser's WebSocket as a byte stream. Destroying it closes the socket; a socket that closes destroys it. */
export class WebSocketStream extends Duplex {
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    super();
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => {
      if (data instanceof ArrayBuffer) this.push(new Uint8Array(data));
      else this.destroy(new Error('the broker sent a text frame; MQTT over WebSocket is binary'));
    });
    // A browser does not tell a page why.
    socket.addEventListener('error', () => this.destroy(new Error(`cannot reach ${socket.url}`)));
    socket.addEventListener('close', () => this.destroy());
  }

  override _read(): void {
    // A WebSocket cannot be told to wait: what arrives is pushed.
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#send(chunk, done);
  }

  #send(chunk: Uint8Array, done: (error?: Error | null) => void): void {
    const socket = this.#socket;
    if (socket.readyState === WebSocket.CONNECTING) {
      socket.addEventListener('open', () => this.#send(chunk, done), { once: true });
      return;
    }
    if (socket.readyState !== WebSocket.OPEN) return done(new Error('the WebSocket is closed'));
    socket.send(chunk);
    return this.#whenDrained(done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.close();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.close();
    done(error);
  }

  /** There is no event for it. */
  #whenDrained(done: () => void): void {
    if (this.destroyed || this.#socket.bufferedAmount < HIGH_WATER_BYTES) return done();
    setTimeout(() => this.#whenDrained(done), DRAIN_POLL_MS);
    return undefined;
  }
}
