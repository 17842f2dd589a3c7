import type { InboundMessage, Link } from '@shoal/mqtt-link';
import { parseShoalTopic, treeFilter } from '@shoal/protocol';
import { applyRecord, emptyView, type SessionView } from '@shoal/workflow';
import { isOpen, sessionRow, type SessionRow } from '../core/session-row.ts';
import type { Scope } from '../core/scope.ts';
import { Signal } from './signal.ts';

const MOST_SESSIONS = 2_000;
const MOST_BYTES = 64 * 1024 * 1024;
const MOST_REJECTED = 50;

interface Kept {
  readonly view: SessionView;
  bytes: number;
  row: SessionRow | undefined | null;
}

/**
 * The sessions of the unit, folded from their retained records: whoever comes late sees the same. Beyond the bounds ended sessions are let
 * go, the oldest first; `dropped` says how many.
 */
export class SessionStore {
  readonly signal = new Signal();
  readonly #scope: Scope;
  readonly #sessions = new Map<string, Kept>();
  readonly #rejected: string[] = [];
  #bytes = 0;
  #stale = false;
  loaded = false;
  dropped = 0;
  failure: string | undefined;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  async start(link: Link): Promise<void> {
    // The connection that comes next brings every record again, and not those that were removed meanwhile.
    link.on('offline', () => {
      this.#stale = true;
    });
    link.on('online', ({ reconnect }) => {
      if (reconnect) setTimeout(() => this.#renew(), 1_000);
    });
    try {
      await link.subscribe(treeFilter('session', this.#scope), (message) => this.#receive(message));
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
    }
    this.loaded = true;
    this.signal.changed();
  }

  rows(): readonly SessionRow[] {
    return [...this.#sessions.values()].flatMap((kept) => {
      if (kept.row === null) kept.row = sessionRow(kept.view);
      return kept.row === undefined ? [] : [kept.row];
    });
  }

  view(sessionId: string): SessionView | undefined {
    return this.#sessions.get(sessionId)?.view;
  }

  views(): readonly SessionView[] {
    return [...this.#sessions.values()].map(({ view }) => view);
  }

  /** Records that could not be used, the newest last. */
  rejected(): readonly string[] {
    return this.#rejected;
  }

  #renew(): void {
    if (!this.#stale) return;
    this.#stale = false;
    this.#sessions.clear();
    this.#bytes = 0;
    this.signal.changed();
  }

  #receive({ topic, payload }: InboundMessage): void {
    this.#renew();
    const at = parseShoalTopic(topic);
    if (at === undefined || !('sessionId' in at)) return;
    const kept = this.#keep(at.sessionId);
    const applied = applyRecord(kept.view, topic, payload);
    if (!applied.applied) this.#reject(applied.reason);
    kept.bytes += payload.length;
    this.#bytes += payload.length;
    kept.row = null;
    if (isEmpty(kept.view)) this.#forget(at.sessionId, kept);
    this.#bound();
    this.signal.changed();
  }

  #keep(sessionId: string): Kept {
    const known = this.#sessions.get(sessionId);
    if (known !== undefined) return known;
    const fresh: Kept = {
      view: emptyView({ ...this.#scope, sessionId }),
      bytes: 0,
      row: null,
    };
    this.#sessions.set(sessionId, fresh);
    return fresh;
  }

  #forget(sessionId: string, kept: Kept): void {
    this.#sessions.delete(sessionId);
    this.#bytes -= kept.bytes;
  }

  #reject(reason: string): void {
    this.#rejected.push(reason);
    if (this.#rejected.length > MOST_REJECTED) this.#rejected.shift();
  }

  #bound(): void {
    if (this.#sessions.size <= MOST_SESSIONS && this.#bytes <= MOST_BYTES) return;
    for (const [sessionId, kept] of this.#sessions) {
      if (this.#sessions.size <= MOST_SESSIONS && this.#bytes <= MOST_BYTES) return;
      if (kept.row === null) kept.row = sessionRow(kept.view);
      if (kept.row !== undefined && isOpen(kept.row.state) && this.#sessions.size <= MOST_SESSIONS * 2)
        continue;
      this.#forget(sessionId, kept);
      this.dropped += 1;
    }
  }
}

function isEmpty(view: SessionView): boolean {
  return view.session === undefined && view.purge === undefined && [...view.steps.values()].every(hasNothing);
}

function hasNothing(step: object): boolean {
  return Object.keys(step).every((key) => key === 'firstClaimId');
}
