import { randomUUID } from 'node:crypto';
import { isLinkError, openLink, type Link, type LinkOptions, type Logger } from '@shoal/mqtt-link';
import {
  clientIdOf,
  parseJson,
  parseShoalTopic,
  treeFilter,
  validateWriterRecord,
  writerTopic,
  type WriterRecord,
} from '@shoal/protocol';
import type { SharedWriter } from '@shoal/workflow';
import { keptTooLongFromMs } from '../core/litter.ts';

export interface WriterKeeperOptions {
  readonly link: Link;
  readonly org: string;
  readonly unit: string;
  readonly supervisorId: string;
  /** Instances of this process may share a connection. False: others' are watched and evicted all the same. */
  readonly shares: boolean;
  readonly connect: Pick<
    LinkOptions,
    'url' | 'username' | 'password' | 'openStream' | 'tls' | 'keepAliveSeconds'
  >;
  /** What was written over it and is not finished has to be looked at. */
  readonly onLost: (writerId: string) => void;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** How long somebody tries to evict a writer from a broker that is away. */
const EVICT_PATIENCE_MS = 20_000;
/** Before another connection is opened in the place of a lost one; twice as long after each that could not be opened. */
const REOPEN_MS = 500;
const MAX_REOPEN_MS = 30_000;
const MAX_REMEMBERED = 10_000;
/** By then a supervisor that was down finds what is unfinished by its silence. */
const LOST_EXPIRY_SECONDS = 3_600;

/**
 * The connection that quick instances of this process write over, and what becomes of those of other processes. A writer ends with its
 * connection: its Will is a fact, and who connects under its id has ended it.
 */
export class WriterKeeper {
  readonly #options: WriterKeeperOptions;
  readonly #lost = new Set<string>();
  /** Retained words on lost writers, and since when they are seen: the Will has no time. */
  readonly #records = new Map<string, number>();
  readonly #evicted = new Map<string, Promise<void>>();
  #writer: SharedWriter | undefined;
  /** Instances that write over it, and whether one of them left without an end. */
  #users = 0;
  #unfinished = false;
  #timer: NodeJS.Timeout | undefined;
  #reopenMs = REOPEN_MS;
  #closed = false;

  constructor(options: WriterKeeperOptions) {
    this.#options = options;
  }

  /** Where the access rules of the broker are older than this, nothing is shared. */
  async open(): Promise<void> {
    const { link, org, unit, logger } = this.#options;
    try {
      await link.subscribe(treeFilter('writer', { org, unit }), ({ topic, payload }) =>
        this.#take(topic, payload),
      );
    } catch (error) {
      if (!isLinkError(error, 'subscribe-refused')) throw error;
      return logger.warn('quick steps share no connection: the broker refuses to tell when one is lost', {
        error: String(error),
      });
    }
    await this.#openWriter();
  }

  #take(topic: string, payload: Uint8Array): void {
    const at = parseShoalTopic(topic);
    if (at?.kind !== 'writer') return;
    this.#noteRecord(at.writerId, payload.length > 0);
    const json = payload.length === 0 ? undefined : parseJson(payload);
    if (json?.ok === true && validateWriterRecord(json.value).ok) this.#onLost(at.writerId);
  }

  #noteRecord(writerId: string, isThere: boolean): void {
    if (!isThere) return void this.#records.delete(writerId);
    if (!this.#records.has(writerId)) this.#records.set(writerId, this.#options.now());
    const [oldest] = this.#records.keys();
    if (this.#records.size > MAX_REMEMBERED && oldest !== undefined) this.#records.delete(oldest);
  }

  /** Removes what a broker keeps though it has expired (DESIGN rule 16); what is not removed now is at the next sweep. */
  sweep(): void {
    const { link, org, unit, logger, now } = this.#options;
    for (const [writerId, seenMs] of this.#records) {
      if (now() <= keptTooLongFromMs(seenMs, LOST_EXPIRY_SECONDS)) continue;
      link
        .publish(writerTopic({ org, unit, writerId }), '', { qos: 1, retain: true })
        .then(() => this.#records.delete(writerId))
        .catch((error: unknown) =>
          logger.warn('litter could not be removed', { writerId, error: String(error) }),
        );
    }
  }

  /** For an instance that is to be started now. */
  get current(): SharedWriter | undefined {
    return this.#writer?.link.state === 'online' ? this.#writer : undefined;
  }

  isLost(writerId: string): boolean {
    return this.#lost.has(writerId);
  }

  /** An instance was started that may write over it. To be called back with whether it ended as it should. */
  lend(): (clean: boolean) => void {
    this.#users += 1;
    return (clean) => {
      this.#users -= 1;
      if (!clean) this.#unfinished = true;
    };
  }

  /** Resolves when nothing more can be written over it. Rejects with LinkError when the broker cannot be reached. */
  evict(writerId: string): Promise<void> {
    const known = this.#evicted.get(writerId);
    if (known !== undefined) return known;
    const evicting = this.#evict(writerId);
    this.#evicted.set(writerId, evicting);
    evicting.catch(() => this.#evicted.delete(writerId));
    const [oldest] = this.#evicted.keys();
    if (this.#evicted.size > MAX_REMEMBERED && oldest !== undefined) this.#evicted.delete(oldest);
    return evicting;
  }

  async #evict(writerId: string): Promise<void> {
    const link = await openLink({
      ...this.#options.connect,
      clientId: this.#clientIdOf(writerId),
      retryInitial: true,
      reconnect: { minDelayMs: 50, maxDelayMs: 1_000 },
      signal: AbortSignal.timeout(EVICT_PATIENCE_MS),
    });
    await link.close();
  }

  /** Not while an instance may still write over it, unless its records are to be taken up by others. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const unfinished = this.#unfinished || this.#users > 0;
    await this.#writer?.link.close(unfinished ? { reasonCode: 0x04 } : {});
  }

  async #openWriter(): Promise<void> {
    const { org, unit, supervisorId, shares, logger } = this.#options;
    if (!shares || this.#closed) return;
    const writerId = `writer-${randomUUID()}`;
    const record: WriterRecord = { schemaVersion: 1, writerId, supervisorId, state: 'lost' };
    try {
      const link = await openLink({
        ...this.#options.connect,
        clientId: this.#clientIdOf(writerId),
        fenced: true,
        reconnect: false,
        will: {
          topic: writerTopic({ org, unit, writerId }),
          payload: JSON.stringify(record),
          qos: 1,
          retain: true,
          contentType: 'application/json',
          payloadIsUtf8: true,
          messageExpirySeconds: LOST_EXPIRY_SECONDS,
        },
        logger,
      });
      if (this.#closed) return await link.close();
      this.#writer = { writerId, link };
      this.#unfinished = false;
      this.#reopenMs = REOPEN_MS;
      for (const event of ['closed', 'fenced'] as const) link.on(event, () => this.#onEnded(writerId));
      if (link.state !== 'online') this.#onEnded(writerId);
    } catch (error) {
      logger.debug('no connection to share for now', { error: String(error) });
      this.#reopenLater();
    }
  }

  #onEnded(writerId: string): void {
    if (this.#closed || this.#writer?.writerId !== writerId) return;
    this.#writer = undefined;
    this.#onLost(writerId);
    this.#reopenLater();
  }

  #reopenLater(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#openWriter(), this.#reopenMs);
    this.#reopenMs = Math.min(2 * this.#reopenMs, MAX_REOPEN_MS);
  }

  #onLost(writerId: string): void {
    if (this.#lost.has(writerId)) return;
    this.#lost.add(writerId);
    const [oldest] = this.#lost;
    if (this.#lost.size > MAX_REMEMBERED && oldest !== undefined) this.#lost.delete(oldest);
    this.#options.onLost(writerId);
  }

  #clientIdOf(writerId: string): string {
    const { org, unit } = this.#options;
    return clientIdOf({ org, unit, agentId: writerId });
  }
}
