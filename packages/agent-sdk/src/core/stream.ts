import type { StreamResponse, Task, TaskState } from '@shoal/protocol';
import { putArtifact, isSettled } from './task-record.ts';

/** The state that a stream item reports, if it reports one. */
export function stateOf(item: StreamResponse): TaskState | undefined {
  if (item.task !== undefined) return item.task.status.state;
  if (item.statusUpdate !== undefined) return item.statusUpdate.status.state;
  return undefined;
}

/** A stream ends at a message, and at a task or status that is terminal or interrupted (profile: Streaming 4 to 6). */
export function isStreamEnd(item: StreamResponse): boolean {
  if (item.message !== undefined) return true;
  const state = stateOf(item);
  return state !== undefined && isSettled(state);
}

export function taskIdOf(item: StreamResponse): string | undefined {
  return item.task?.id ?? item.statusUpdate?.taskId ?? item.artifactUpdate?.taskId ?? item.message?.taskId;
}

/** Folds stream items into one task, for a peer that streams where a single reply was asked for. */
export function foldItem(task: Task | undefined, item: StreamResponse): Task | undefined {
  if (item.task !== undefined) return item.task;
  if (item.statusUpdate !== undefined) {
    const { taskId, contextId, status } = item.statusUpdate;
    return { ...(task ?? { id: taskId, contextId }), status };
  }
  if (item.artifactUpdate !== undefined) {
    const { taskId, contextId, artifact, append } = item.artifactUpdate;
    const folded: Task = task ?? { id: taskId, contextId, status: { state: 'TASK_STATE_WORKING' } };
    putArtifact(folded, artifact, append === true);
    return folded;
  }
  return task;
}

export type Sequence = 'next' | 'repeated' | 'gap';

/** `a2a-stream-seq` counts the items of one correlation from 0; a peer that does not count is taken at its word. */
export function checkSequence(expected: number, seen: string | undefined): Sequence {
  if (seen === undefined || !/^\d{1,9}$/.test(seen)) return 'next';
  const number = Number(seen);
  if (number < expected) return 'repeated';
  return number === expected ? 'next' : 'gap';
}
