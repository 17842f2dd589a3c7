import type { Link, Logger } from '@shoal/mqtt-link';
import { sessionTopics, type SessionRecord } from '@shoal/protocol';
import { writeRecord, type SessionView } from '@shoal/workflow';
import type { SessionStore } from './session-store.ts';

export interface OpenSessionOptions {
  readonly link: Link;
  readonly store: SessionStore;
  readonly now: () => number;
  readonly logger: Logger;
}

/** Retains a plan (PUBACK seen) and has it in the store before its echo. Doing it twice is fine: the first plan that is seen stays. */
export async function openSession(
  { link, store, now, logger }: OpenSessionOptions,
  session: SessionRecord,
): Promise<SessionView> {
  const { sessionId, workflowId } = session;
  const { session: topic } = sessionTopics(session);
  await writeRecord(link, session, topic, session, now());
  store.took(topic, session);
  logger.info('session', { sessionId, workflowId, steps: session.steps.length });
  const view = store.get(sessionId);
  if (view?.session === undefined) throw new Error('the session was not taken');
  return view;
}
