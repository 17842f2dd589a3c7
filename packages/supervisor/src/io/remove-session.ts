import type { Link } from '@shoal/mqtt-link';
import { sessionTopics } from '@shoal/protocol';
import { isClosed, recordsOf, type SessionView } from '@shoal/workflow';

/**
 * Empty retained messages for a session that is closed. What says so goes last, and of that the plan first: without its plan a session is
 * nobody's, without its outcome it would look open and be taken up again. A removal that is interrupted before is repeated. Resolves
 * to the number of records.
 */
export async function removeSession(link: Pick<Link, 'publish'>, view: SessionView): Promise<number> {
  if (!isClosed(view) || view.session === undefined) return 0;
  const topicsOf = sessionTopics(view);
  const { session, purge, outcome } = topicsOf;
  const last = [outcome, topicsOf.step(view.session.closer).status];
  // Purged on demand: that record stays until it expires, and whoever still holds the others does not bring them back.
  const kept = [session, purge, ...last];
  const rest = recordsOf(view).flatMap(([topic]) => (kept.includes(topic) ? [] : [topic]));
  for (const topics of [rest, [session], last])
    await Promise.all(topics.map((topic) => link.publish(topic, '', { qos: 1, retain: true })));
  return rest.length + 1 + last.length;
}
