import type { Link, Logger } from '@shoal/mqtt-link';
import { readRetained, silentLogger } from '@shoal/mqtt-link';
import type { Validation } from '@shoal/protocol';
import { describeViolations, parseJson } from '@shoal/protocol';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';

export interface RetainedStateOptions<T> {
  readonly link: Link;
  readonly topic: string;
  /** Applied by `load`. What does not pass counts as absent and is logged: a state that cannot be read must not stop its agent. */
  readonly validate?: (value: unknown) => Validation<T>;
  /** Seconds after the last save until the broker forgets. Unset: never. */
  readonly expirySeconds?: number;
  /** Saves closer together are made one. Default 1 000; 0 writes each. */
  readonly minIntervalMs?: number;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/** One JSON value in one retained message: what an agent must know again after its death. One writer. */
export interface RetainedState<T> {
  /** What the broker holds; undefined when there is nothing, or nothing readable. */
  load(): Promise<T | undefined>;
  /** Remembers the value and writes it soon; of several the latest wins. Never throws: failures are logged and tried again. */
  save(value: T): void;
  /** Resolves when the latest value is on the broker (PUBACK); rejects with LinkError when it cannot be. */
  flush(): Promise<void>;
  /** Flushes, then stops. Later saves are dropped. */
  close(): Promise<void>;
}

/** Does no I/O before `load` or `save`. `link` has to be one that may write the topic, and stays with its owner. */
export function retainedState<T>(options: RetainedStateOptions<T>): RetainedState<T> {
  return new LinkState(options);
}

const RETRY_MS = 1_000;

class LinkState<T> implements RetainedState<T> {
  readonly #options: RetainedStateOptions<T>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #minIntervalMs: number;
  #latest: { readonly value: T } | undefined;
  #dirty = false;
  #writing: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #lastWriteMs = Number.NEGATIVE_INFINITY;
  #closed = false;
  readonly #stopListening: () => void;

  constructor(options: RetainedStateOptions<T>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#minIntervalMs = options.minIntervalMs ?? 1_000;
    this.#stopListening = options.link.on('online', ({ reconnect }) => {
      if (reconnect) this.#restore();
    });
  }

  async load(): Promise<T | undefined> {
    const { link, topic, validate } = this.#options;
    const message = (await readRetained(link, topic)).get(topic);
    if (message === undefined || message.payload.length === 0) return undefined;
    const json = parseJson(message.payload);
    const valid = json.ok && validate !== undefined ? validate(json.value) : json;
    if (valid.ok) return valid.value as T;
    this.#logger.warn('a stored state cannot be read and counts as absent', {
      topic,
      violations: describeViolations(valid.violations),
    });
    return undefined;
  }

  save(value: T): void {
    if (this.#closed) return;
    this.#latest = { value };
    this.#dirty = true;
    this.#schedule();
  }

  async flush(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    while (this.#dirty || this.#writing !== undefined) await (this.#writing ?? this.#write());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopListening();
    await this.flush();
  }

  #schedule(): void {
    if (this.#cancelTimer !== undefined || this.#writing !== undefined) return;
    const waitMs = Math.max(0, this.#lastWriteMs + this.#minIntervalMs - this.#clock.nowMs());
    this.#cancelTimer = this.#clock.setTimer(() => {
      this.#cancelTimer = undefined;
      this.#write().catch((error: unknown) => {
        this.#logger.warn('a state could not be saved', { topic: this.#options.topic, error: String(error) });
      });
    }, waitMs);
  }

  #write(): Promise<void> {
    const { link, topic, expirySeconds } = this.#options;
    if (this.#latest === undefined) return Promise.resolve();
    this.#dirty = false;
    this.#lastWriteMs = this.#clock.nowMs();
    const published = link.publish(topic, JSON.stringify(this.#latest.value), {
      qos: 1,
      retain: true,
      contentType: 'application/json',
      payloadIsUtf8: true,
      ...(expirySeconds === undefined ? {} : { messageExpirySeconds: expirySeconds }),
    });
    this.#writing = published.then(
      () => this.#written(),
      (error: unknown) => {
        this.#dirty = !this.#closed;
        // Not at once, or a refusal would be asked for again in a busy loop; and not only when the next write is due.
        this.#lastWriteMs = this.#clock.nowMs() + RETRY_MS - this.#minIntervalMs;
        this.#written();
        throw error;
      },
    );
    return this.#writing;
  }

  #written(): void {
    this.#writing = undefined;
    if (this.#dirty && !this.#closed) this.#schedule();
  }

  /** DESIGN rule 17: a broker that restarted may have lost what we hold. */
  #restore(): void {
    if (this.#latest === undefined || this.#closed) return;
    this.#dirty = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#lastWriteMs = Number.NEGATIVE_INFINITY;
    this.#schedule();
  }
}
