import type { Link, Logger } from '@shoal/mqtt-link';
import { recordsOf, type SessionView } from '@shoal/workflow';
import { litterFromMs } from '../core/litter.ts';

export interface JanitorOptions {
  readonly link: Pick<Link, 'publish'>;
  readonly owns: (workflowId: string) => boolean;
  readonly logger: Logger;
}

/** Removes what a broker keeps though it has expired, and what was left without a plan (DESIGN rule 16). */
export class Janitor {
  readonly #options: JanitorOptions;
  /** By session: since when it is seen without a plan. */
  #orphans: ReadonlyMap<string, number> = new Map();

  constructor(options: JanitorOptions) {
    this.#options = options;
  }

  /** The sessions that are to be forgotten. Their records are removed in the background; what is left is found by a later reader. */
  sweep(views: Iterable<SessionView>, now: number): readonly string[] {
    const orphans = new Map<string, number>();
    const litter: string[] = [];
    for (const view of views) {
      const { sessionId, session, purge } = view;
      const seenMs = this.#orphans.get(sessionId) ?? now;
      if (session === undefined && purge === undefined) orphans.set(sessionId, seenMs);
      if (now <= litterFromMs(view, seenMs)) continue;
      litter.push(sessionId);
      orphans.delete(sessionId);
      if (session === undefined || this.#options.owns(session.workflowId)) void this.#remove(view);
    }
    this.#orphans = orphans;
    return litter;
  }

  async #remove(view: SessionView): Promise<void> {
    const { link, logger } = this.#options;
    const topics = recordsOf(view).map(([topic]) => topic);
    logger.info('litter', { sessionId: view.sessionId, records: topics.length });
    try {
      await Promise.all(topics.map((topic) => link.publish(topic, '', { qos: 1, retain: true })));
    } catch (error) {
      logger.warn('litter could not be removed', { sessionId: view.sessionId, error: String(error) });
    }
  }
}
