import type { TaskSummary } from './list-tasks.ts';
import { isSettled } from './task-record.ts';

/**
 * The tasks of every context in which nothing has happened for so long (profile: Context 9 and 10). A context with a task at work, or with
 * somebody still to be notified, is not silent.
 */
export function expiredContexts(
  summaries: Iterable<TaskSummary>,
  nowIso: string,
  expirySeconds: number,
): TaskSummary[] {
  const before = new Date(Date.parse(nowIso) - expirySeconds * 1000).toISOString();
  const contexts = new Map<string, { readonly tasks: TaskSummary[]; silent: boolean }>();
  for (const summary of summaries) {
    const { contextId, state, timestamp, pushPending } = summary;
    const context = contexts.get(contextId) ?? { tasks: [], silent: true };
    contexts.set(contextId, context);
    context.tasks.push(summary);
    if (!isSettled(state) || timestamp >= before || pushPending === true) context.silent = false;
  }
  return [...contexts.values()].filter(({ silent }) => silent).flatMap(({ tasks }) => tasks);
}
