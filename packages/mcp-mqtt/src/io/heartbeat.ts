/** Whether the other side of a session still answers ("Health Checks"). */
export interface HeartbeatOptions {
  /** Silence after which a `ping` is sent; 0 never asks. Milliseconds. */
  readonly afterMs: number;
  /** Silence after the `ping` that counts as death. Milliseconds. */
  readonly timeoutMs: number;
  readonly sendPing: (id: string) => void;
  readonly onDead: () => void;
}

/** One timer per session. Anything that is heard counts as an answer. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: NodeJS.Timeout | undefined;
  #pings = 0;
  #waitingFor: string | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#listen();
  }

  /** True for the answer to a `ping` of this heartbeat, which is nobody else's business. */
  heard(answerId: string | number | undefined): boolean {
    const own = answerId !== undefined && answerId === this.#waitingFor;
    this.#waitingFor = undefined;
    this.#listen();
    return own;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #listen(): void {
    const { afterMs } = this.#options;
    if (afterMs > 0) this.#wait(afterMs, () => this.#ask());
  }

  #ask(): void {
    this.#pings += 1;
    this.#waitingFor = `heartbeat-${this.#pings}`;
    this.#wait(this.#options.timeoutMs, () => {
      this.#timer = undefined;
      this.#options.onDead();
    });
    this.#options.sendPing(this.#waitingFor);
  }

  #wait(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
    this.#timer.unref();
  }
}
