import { sessionTopics } from '@shoal/protocol';
import { buildOutcome } from '../core/outcome.ts';
import type { Attempt } from './attempt.ts';
import { replyOutcome } from './caller-replies.ts';

/**
 * Rule 13: the outcome once every step has its result, then the callers are read and all are answered. What is left then is `done`.
 * Undefined while a result is missing; else the state that the closer ended in.
 */
export async function closeSession(attempt: Attempt): Promise<string | undefined> {
  const { link, order, voice, now, standIn, logger } = attempt;
  const view = attempt.view();
  const outcome = view.outcome ?? buildOutcome(view, now(), standIn?.supervisorId);
  if (outcome === undefined) return undefined;
  if (view.outcome === undefined) await voice.put(sessionTopics(order).outcome, outcome);
  // Write, then read (rule 14): a caller that is not in the view now will find the outcome.
  await attempt.sync();
  const callers = [...attempt.view().callers.values()];
  await Promise.all(callers.map((caller) => replyOutcome(link, caller, outcome, logger)));
  return view.steps.get(order.stepId)?.result?.state ?? outcome.state;
}
