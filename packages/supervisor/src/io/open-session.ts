import type { Logger } from '@shoal/mqtt-link';
import { sessionTopics, type SessionRecord } from '@shoal/protocol';
import type { SessionView } from '@shoal/workflow';
import type { SessionStore } from './session-store.ts';

export interface OpenSessionOptions {
  readonly store: SessionStore;
  readonly logger: Logger;
}

/** Retains a plan (PUBACK seen) and has it in the store before its echo. Doing it twice is fine: the first plan that is seen stays. */
export async function openSession(
  { store, logger }: OpenSessionOptions,
  session: SessionRecord,
): Promise<SessionView> {
  const { sessionId, workflowId } = session;
  const { session: topic } = sessionTopics(session);
  await store.write(session, topic, session);
  logger.info('session', { sessionId, workflowId, steps: session.steps.length });
  const view = store.get(sessionId);
  if (view?.session === undefined) throw new Error('the session was not taken');
  return view;
}
