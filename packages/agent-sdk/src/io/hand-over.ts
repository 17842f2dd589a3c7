import type { Message, StreamResponse, Task } from '@shoal/protocol';
import { isIdentifier, isTerminal } from '@shoal/protocol';
import type { TaskRecord } from '../core/task-record.ts';
import { addArtifact, isSettled } from '../core/task-record.ts';
import { isA2aError } from '../errors.ts';
import type { LiveTask } from './live-task.ts';
import type { Requester } from './requester-types.ts';

export interface HandOver {
  readonly live: LiveTask;
  /** The message that the delegate gets, with its own ids. */
  readonly message: Message;
  readonly requestMetadata: Record<string, unknown> | undefined;
  readonly requester: Requester;
  /** Stores the end of the run and tells everyone; the item is the last of every stream. */
  /** Resolves when the record is stored. */
  readonly store: () => Promise<void>;
  readonly settle: (live: LiveTask, item: StreamResponse) => void;
  readonly saveProgress: () => void;
  readonly nowIso: () => string;
}

/**
 * Gives a task to another agent of the unit and repeats here what that says, so that requesters that do not know of handovers go on as
 * before; those that do send all that follows to the delegate. Task, context and message ids stay (profile: Task Handover). Rejects
 * when the delegate cannot be reached.
 */
export async function handOver(delegateId: string, work: HandOver): Promise<void> {
  const { live, requester } = work;
  if (delegateId === requester.address.agentId || !isIdentifier(delegateId))
    throw new TypeError(`${JSON.stringify(delegateId)} is no other agent to hand a task over to`);
  live.record.handedOverTo = delegateId;
  // Written before the delegate acts: a successor has to know where the task is (DESIGN rule 1).
  await work.store();
  if (!live.settled) await relayFrom(delegateId, work);
}

async function relayFrom(delegateId: string, work: HandOver): Promise<void> {
  const { live, message, requester, requestMetadata } = work;
  const { org, unit } = requester.address;
  const delegate = { org, unit, agentId: delegateId };
  const { role: _, taskId: __, ...input } = message;
  const { id, contextId = '' } = live.record.task;
  const stream = requester.stream(
    delegate,
    { ...input, taskId: id, contextId },
    { signal: live.signal, ...(requestMetadata === undefined ? {} : { requestMetadata }) },
  );
  try {
    for await (const item of stream) {
      if (live.settled) return;
      for (const told of itemsOf(live.record, item, work.nowIso())) tell(work, told);
    }
  } catch (error) {
    if (!isA2aError(error, 'aborted')) throw error;
    // It ended here: the delegate is to stop too. What it answers changes nothing any more. If only this agent stops, it goes on.
    if (isTerminal(live.record.task.status.state))
      await requester.cancelTask(delegate, { id }).catch(() => undefined);
  }
}

function tell({ live, settle, saveProgress }: HandOver, item: StreamResponse): void {
  const status = item.statusUpdate?.status;
  if (status !== undefined) live.record.task.status = status;
  if (status !== undefined && isSettled(status.state)) return settle(live, item);
  void live.emit(item);
  return saveProgress();
}

/** What an item of the delegate's stream means for the task here: artifacts are taken into the record, states follow. */
function itemsOf(record: TaskRecord, item: StreamResponse, at: string): StreamResponse[] {
  const { task } = record;
  const ids = { taskId: task.id, contextId: task.contextId ?? '' };
  if (item.artifactUpdate !== undefined) return [addArtifact(record, item.artifactUpdate)];
  if (item.statusUpdate !== undefined) return [{ statusUpdate: { ...item.statusUpdate, ...ids } }];
  if (item.message !== undefined) {
    const status = { state: 'TASK_STATE_COMPLETED', message: item.message } as const;
    return [{ statusUpdate: { ...ids, status: { ...status, timestamp: at } } }];
  }
  return item.task === undefined
    ? []
    : [...artifactsOf(record, item.task), { statusUpdate: { ...ids, status: item.task.status } }];
}

function artifactsOf(record: TaskRecord, { artifacts = [] }: Task): StreamResponse[] {
  const known = new Map(
    record.task.artifacts?.map((artifact) => [artifact.artifactId, artifact.parts.length]),
  );
  return artifacts
    .filter(({ artifactId, parts }) => known.get(artifactId) !== parts.length)
    .map((artifact) => addArtifact(record, { artifact, lastChunk: true }));
}
