import type { Link, Logger } from '@shoal/mqtt-link';
import { sessionTopics, type SessionRecord, type StepStatus } from '@shoal/protocol';
import { isoTime } from '../core/time.ts';
import { putRecord, type SessionView } from '../core/view.ts';
import type { Json } from '../types/blueprint.ts';
import type { StepOrder } from '../types/order.ts';
import type { ExpectedRecord } from '../types/session-source.ts';
import { streamToCallers } from './caller-replies.ts';
import { writeRecord } from './write-record.ts';

export interface StepVoiceOptions {
  readonly link: Link;
  readonly order: StepOrder;
  readonly session: SessionRecord;
  readonly now: () => number;
  readonly logger: Logger;
  readonly view: () => SessionView;
  /** Whoever keeps the view learns what this attempt writes. Undefined: it is put there from here. */
  readonly expect: (topic: string, bytes: Uint8Array, record: unknown) => ExpectedRecord | undefined;
  /** While it is, nobody asks where it stands: only last words are said. */
  readonly isQuick: () => boolean;
  /** False: callers hear nothing from this attempt, for it may not count any more. */
  readonly mayProgress: () => boolean;
}

/** Everything that one attempt says: its records, and its progress to the callers. */
export class StepVoice {
  readonly #options: StepVoiceOptions;
  #said: StepStatus['state'] | undefined;

  constructor(options: StepVoiceOptions) {
    this.#options = options;
  }

  /** What every record of this attempt begins with. */
  ids(): { schemaVersion: 1; sessionId: string; stepId: string; attempt: number } {
    const { sessionId, stepId, attempt } = this.#options.order;
    return { schemaVersion: 1, sessionId, stepId, attempt };
  }

  /** The connection is new: the broker may have replaced the status by the Will. */
  forget(): void {
    this.#said = undefined;
  }

  /** Resolves on the PUBACK when `state` is news on this connection. Only `done` and `retrying` need to be waited for. */
  say(state: StepStatus['state'], more: Partial<StepStatus> = {}): Promise<void> {
    if (this.#said === state) return Promise.resolve();
    if ((state === 'running' || state === 'waiting') && this.#options.isQuick()) return Promise.resolve();
    this.#said = state;
    const { order, now } = this.#options;
    const { claimId } = order;
    const status: StepStatus = Object.assign(this.ids(), { claimId, state, at: isoTime(now()) }, more);
    const written = this.put(sessionTopics(order).step(order.stepId).status, status);
    written.catch(() => undefined);
    return written;
  }

  async put(topic: string, record: unknown): Promise<void> {
    const { link, session, now, view, expect } = this.#options;
    const bytes = Buffer.from(JSON.stringify(record));
    const expected = expect(topic, bytes, record);
    try {
      await writeRecord(link, session, topic, record, now(), bytes);
    } catch (error) {
      expected?.failed();
      throw error;
    }
    // The echo may come later than the PUBACK; what is written is known.
    if (expected === undefined) putRecord(view(), topic, record);
    else expected.written();
  }

  #isHeard(): boolean {
    for (const { streaming } of this.#options.view().callers.values()) if (streaming) return true;
    return false;
  }

  progress(event: string, text: string, data?: Json): void {
    const { link, session, order, now, logger, view, mayProgress } = this.#options;
    if (!this.#isHeard() || !mayProgress()) return;
    const ids = { taskId: session.sessionId, contextId: session.contextId };
    const message = {
      messageId: crypto.randomUUID(),
      role: 'ROLE_AGENT' as const,
      parts: [{ text }, ...(data === undefined ? [] : [{ data }])],
      ...ids,
    };
    const status = { state: 'TASK_STATE_WORKING' as const, timestamp: isoTime(now()), message };
    const metadata = { stepId: order.stepId, attempt: order.attempt, event };
    const item = { statusUpdate: { ...ids, status, metadata } };
    streamToCallers(link, view().callers.values(), item, logger).catch((error: unknown) =>
      logger.debug('progress was not sent', { error: String(error) }),
    );
  }
}
