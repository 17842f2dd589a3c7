import { sessionTopics } from '@shoal/protocol';
import { isReused, type SessionView } from './view.ts';

/** Every record of a view with its topic: what a reader holds, for a broker that lost it (DESIGN rule 17). */
export function recordsOf(view: SessionView): readonly (readonly [topic: string, record: unknown])[] {
  const topics = sessionTopics(view);
  const found: (readonly [string, unknown])[] = [];
  const add = (topic: string, record: unknown): void => {
    if (record !== undefined) found.push([topic, record]);
  };
  add(topics.session, view.session);
  add(topics.control, view.control);
  add(topics.pause, view.pause);
  add(topics.purge, view.purge);
  add(topics.extend, view.extend);
  add(topics.outcome, view.outcome);
  add(topics.claim, view.claim);
  for (const [hash, caller] of view.callers) add(topics.caller(hash), caller);
  for (const [stepId, step] of view.steps) {
    const at = topics.step(stepId);
    if (step.claimedTogether !== true) add(at.attempt, step.attempt);
    add(at.intent, step.intent);
    // Results and items that the plan of a re-run carries are no records.
    if (step.result?.reusedFrom === undefined) add(at.result, step.result);
    if (!isReused(step.items)) add(at.items, step.items);
    add(at.approval, step.approval);
    add(at.decision, step.decision);
    add(at.status, step.status);
  }
  return found;
}

/** What `held` knows and `found` lacks. A status is left out: only its instance may speak for itself. */
export function missingRecords(
  held: SessionView,
  found: SessionView,
): readonly (readonly [topic: string, record: unknown])[] {
  // Purged on demand: the record that says so outlives the rest, so that nobody brings it back.
  if (found.purge !== undefined && found.session === undefined) return [];
  const present = new Set(recordsOf(found).map(([topic]) => topic));
  return recordsOf(held).filter(([topic]) => !present.has(topic) && !topic.endsWith('/status'));
}
