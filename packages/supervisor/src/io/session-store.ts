import type { Link, Logger } from '@shoal/mqtt-link';
import {
  parseShoalTopic,
  treeFilter,
  type AttemptRecord,
  type SessionClaim,
  type SessionAddress,
  type SessionRecord,
  type ShoalTopic,
} from '@shoal/protocol';
import {
  applyRecord,
  deadlineOf,
  emptyView,
  Marker,
  missingRecords,
  putRecord,
  writeRecord,
  type Applied,
  type ExpectedRecord,
  type SessionSource,
  type SessionView,
  type SourceHooks,
  type SourceWatch,
} from '@shoal/workflow';
import { pause } from './pause.ts';
import { SessionWatchers } from './session-watchers.ts';

export type RecordKind = NonNullable<ReturnType<typeof parseShoalTopic>>['kind'];

export interface SessionStoreOptions {
  readonly org: string;
  readonly unit: string;
  readonly logger: Logger;
  readonly now: () => number;
  readonly onRecord: (view: SessionView, kind: RecordKind, stepId?: string) => void;
  /** The broker came back without records that this reader holds. */
  readonly onLoss: () => void;
  /** A claim came in, in topic order; own ones too. */
  readonly onClaim: (claimId: string) => void;
}

/** Before records that are not there after a reconnect are taken for lost. */
const LOSS_DOUBT_MS = 1_000;

/** Records whose echo is expected; those of the oldest are then read like any other. */
const MAX_WRITING = 10_000;

/** A record that this process has on its way. */
interface Writing {
  readonly at: ShoalTopic | undefined;
  readonly bytes: Uint8Array;
  readonly record: unknown;
  isTaken: boolean;
}

/**
 * The views of all sessions of the unit, kept by one subscription. A cache: it is thrown away at each loss of the connection and
 * read again, and what the broker lost meanwhile is published from it (DESIGN rules 10 and 17).
 */
export class SessionStore implements SessionSource {
  readonly #options: SessionStoreOptions;
  readonly #link: Link;
  readonly #marker: Marker;
  readonly #watchers: SessionWatchers;
  #views = new Map<string, SessionView>();
  /** Records that are being written, by topic: their echo need not be read again, if it is the next word there. */
  readonly #writing = new Map<string, Writing>();
  #held: ReadonlyMap<string, SessionView> | undefined;
  #toldOfLate = false;
  /** The reading that runs, and the one after it that whoever asks meanwhile waits for. */
  #reading: Promise<void> | undefined;
  #nextReading: Promise<void> | undefined;

  constructor(link: Link, options: SessionStoreOptions) {
    this.#link = link;
    this.#options = options;
    this.#marker = new Marker(link, (topic) => this.#onLate(topic));
    this.#watchers = new SessionWatchers({
      // While the records are read anew, watchers keep what they have.
      viewOf: (sessionId) => (this.#held ?? this.#views).get(sessionId),
      fresh: () => this.fresh(),
      expect: (topic, bytes, record) => this.#expect(topic, bytes, record),
    });
    for (const event of ['fenced', 'closed'] as const) link.on(event, () => this.#watchers.end());
  }

  async open(): Promise<void> {
    await this.#marker.open();
    await this.#link.subscribe(treeFilter('session', this.#options), (message) => {
      if (this.#marker.isNews(message)) this.#take(message.topic, message.payload);
    });
    await this.sync();
  }

  get(sessionId: string): SessionView | undefined {
    return this.#views.get(sessionId);
  }

  all(): IterableIterator<SessionView> {
    return this.#views.values();
  }

  get size(): number {
    return this.#views.size;
  }

  /** Undefined while the records are being read. */
  watch(address: SessionAddress, hooks: SourceHooks): SourceWatch | undefined {
    const isCurrent = this.#held === undefined && this.#link.state === 'online';
    return isCurrent ? this.#watchers.watch(address, hooks) : undefined;
  }

  /** As `sync`; all who ask while a reading runs share the next one. */
  fresh(): Promise<void> {
    if (this.#reading === undefined) return this.#read();
    this.#nextReading ??= this.#reading.catch(() => undefined).then(() => this.#read());
    return this.#nextReading;
  }

  #read(): Promise<void> {
    this.#nextReading = undefined;
    const reading = this.sync().finally(() => {
      if (this.#reading === reading) this.#reading = undefined;
    });
    this.#reading = reading;
    return reading;
  }

  /** Records that expired on the broker say no goodbye. */
  forget(sessionId: string): void {
    this.#views.delete(sessionId);
  }

  /** To be called when the connection is lost: the retained records come again. */
  restart(): void {
    this.#held ??= this.#views;
    this.#writing.clear();
    this.#views = new Map();
  }

  /** Resolves when everything that the broker held at the call is in the views. */
  async sync(): Promise<void> {
    await this.#marker.pass();
    const incomplete = [...(this.#held?.values() ?? [])].filter((view) => this.#missingOf(view).length > 0);
    if (incomplete.length > 0) {
      // A broker that paces what it keeps, or has just begun, may still send it. Meanwhile watchers keep what they have.
      await pause(LOSS_DOUBT_MS);
      await this.#marker.pass();
    }
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return;
    this.#watchers.reread();
    await this.#carry(incomplete);
  }

  #onLate(topic: string): void {
    if (this.#toldOfLate) return;
    this.#toldOfLate = true;
    this.#options.logger.warn(
      'retained records came late: this broker paces them, and who reads may lack some (EMQX: set retainer.delivery_rate to infinity)',
      { topic },
    );
  }

  async #carry(incomplete: readonly SessionView[]): Promise<void> {
    const { logger, now } = this.#options;
    for (const view of incomplete) {
      const { session } = view;
      const missing = this.#missingOf(view);
      if (session === undefined || missing.length === 0) continue;
      this.#options.onLoss();
      logger.warn('the broker had lost records', { sessionId: view.sessionId, count: missing.length });
      await Promise.all(
        missing.map(([topic, record]) => writeRecord(this.#link, session, topic, record, now())),
      );
    }
  }

  /** Before its deadline no session is purged, so what is missing was lost. */
  #missingOf(view: SessionView): ReturnType<typeof missingRecords> {
    const { session, extend } = view;
    if (session === undefined || this.#options.now() >= deadlineOf(session, extend)) return [];
    return missingRecords(view, this.#views.get(view.sessionId) ?? emptyView(view));
  }

  /** Publishes a retained record. On its PUBACK it is in the views, whenever its echo comes. Nobody changes the record any more. */
  async write(session: SessionRecord, topic: string, record: unknown): Promise<void> {
    this.#takeOwn(topic, await this.#publish(session, topic, record));
  }

  /** Publishes a claim. It counts from its echo on, in topic order (DESIGN rule 4). */
  async claim(session: SessionRecord, topic: string, record: AttemptRecord | SessionClaim): Promise<void> {
    await this.#publish(session, topic, record);
  }

  async #publish(session: SessionRecord, topic: string, record: unknown): Promise<Writing> {
    const writing = this.#remember(topic, Buffer.from(JSON.stringify(record)), record);
    try {
      await writeRecord(this.#link, session, topic, record, this.#options.now(), writing.bytes);
      return writing;
    } catch (error) {
      this.#forgetWriting(topic, writing);
      throw error;
    }
  }

  /** For an instance of this process, which writes over a link that is fenced: what is acknowledged there stands. */
  #expect(topic: string, bytes: Uint8Array, record: unknown): ExpectedRecord {
    const writing = this.#remember(topic, bytes, record);
    return {
      written: () => this.#onWritten(topic, writing),
      failed: () => this.#forgetWriting(topic, writing),
    };
  }

  #onWritten(topic: string, writing: Writing): void {
    const { at, record } = writing;
    if (this.#held === undefined) return this.#takeOwn(topic, writing);
    // Only what the broker still has is to be found there when the records are read anew.
    const held = at !== undefined && 'sessionId' in at ? this.#held.get(at.sessionId) : undefined;
    if (held === undefined) return;
    putRecord(held, topic, record, at);
    this.#watchers.onRecord(held.sessionId);
  }

  #remember(topic: string, bytes: Uint8Array, record: unknown): Writing {
    const writing: Writing = { at: parseShoalTopic(topic), bytes, record, isTaken: false };
    this.#writing.set(topic, writing);
    if (this.#writing.size > MAX_WRITING) this.#forgetOldest();
    return writing;
  }

  #forgetOldest(): void {
    const [oldest] = this.#writing.keys();
    if (oldest !== undefined) this.#writing.delete(oldest);
  }

  #forgetWriting(topic: string, writing: Writing): void {
    if (this.#writing.get(topic) === writing) this.#writing.delete(topic);
  }

  #takeOwn(topic: string, writing: Writing): void {
    if (writing.isTaken) return;
    writing.isTaken = true;
    this.#takeIn(topic, writing.at, (view, at) => putRecord(view, topic, writing.record, at));
  }

  /** Is it the echo of what is being written, and nothing between? */
  #isEcho(topic: string, payload: Uint8Array): boolean {
    const writing = this.#writing.get(topic);
    if (writing === undefined) return false;
    this.#writing.delete(topic);
    if (Buffer.compare(writing.bytes, payload) !== 0) return false;
    this.#takeOwn(topic, writing);
    return true;
  }

  #take(topic: string, payload: Uint8Array): void {
    if (this.#isEcho(topic, payload)) return;
    this.#takeIn(topic, parseShoalTopic(topic), (view, at) => applyRecord(view, topic, payload, at));
  }

  #takeIn(
    topic: string,
    at: ShoalTopic | undefined,
    apply: (view: SessionView, at: ShoalTopic) => Applied,
  ): void {
    const { logger, onRecord, onClaim } = this.#options;
    if (at === undefined || !('sessionId' in at))
      return logger.warn('record ignored', { topic, reason: 'no topic of a session' });
    const view = this.#viewOf(at);
    const applied = apply(view, at);
    if (isEmpty(view)) this.#views.delete(at.sessionId);
    if (!applied.applied) {
      if ('repair' in applied) this.#repair(view, topic, applied.repair);
      else logger.warn('record ignored', { topic, reason: applied.reason });
      return;
    }
    const claim = at.kind === 'attempt' ? view.steps.get(at.stepId)?.attempt : view.claim;
    if (claim !== undefined && (at.kind === 'attempt' || at.kind === 'claim')) onClaim(claim.claimId);
    if (this.#held === undefined) this.#watchers.onRecord(at.sessionId);
    onRecord(view, at.kind, 'stepId' in at ? at.stepId : undefined);
  }

  /** A claim that came too late stands where a newer one belongs. */
  #repair(view: SessionView, topic: string, record: AttemptRecord): void {
    const { logger, now } = this.#options;
    if (view.session === undefined) return;
    logger.info('a late claim is put right', { topic, attempt: record.attempt });
    writeRecord(this.#link, view.session, topic, record, now()).catch((error: unknown) =>
      logger.warn('the claim could not be put right', { topic, error: String(error) }),
    );
  }

  #viewOf(address: { readonly org: string; readonly unit: string; readonly sessionId: string }): SessionView {
    const known = this.#views.get(address.sessionId);
    if (known !== undefined) return known;
    const fresh = emptyView(address);
    this.#views.set(address.sessionId, fresh);
    return fresh;
  }
}

function isEmpty(view: SessionView): boolean {
  if (view.session ?? view.claim ?? view.control ?? view.pause ?? view.purge ?? view.extend ?? view.outcome)
    return false;
  if (view.callers.size > 0) return false;
  for (const step of view.steps.values())
    if (Object.keys(step).some((key) => key !== 'firstClaimId')) return false;
  return true;
}
