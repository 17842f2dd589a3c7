import type { Artifact, Message, Part, StreamResponse, Task, TaskState, TaskStatus } from '@shoal/protocol';
import { isInterrupted, isTerminal } from '@shoal/protocol';
import type { StoredPushConfig } from './push-configs.ts';

/**
 * What a responder keeps of a task. The task inside is the live object: it changes in place while the task runs, so that a
 * stream of a thousand parts costs a thousand appends. Whoever keeps it longer than the call serialises it.
 */
export interface TaskRecord {
  readonly schemaVersion: 1;
  readonly task: Task;
  /** Ids of the messages that were taken, oldest first: a message that is in here is a retry. */
  readonly messageIds: string[];
  /** Who sent the first message, as `ownerOf` names the proven identity. To everybody else the task does not exist. */
  readonly owner?: string;
  /** Id of the agent, in the same unit, that has the task now (profile: Task Handover). */
  handedOverTo?: string;
  /** Where the updates of the task are posted to. Holds credentials: a store that others can read leaves it out. */
  push?: StoredPushConfig[];
}

/** A task that asks more often than this forgets its oldest message ids, and its oldest messages. */
export const MAX_MESSAGES = 100;

export function newRecord(
  taskId: string,
  contextId: string,
  message: Message,
  at: string,
  owner?: string,
): TaskRecord {
  return {
    schemaVersion: 1,
    ...(owner === undefined ? {} : { owner }),
    task: {
      id: taskId,
      contextId,
      status: { state: 'TASK_STATE_SUBMITTED', timestamp: at },
      history: [{ ...message, taskId, contextId }],
    },
    messageIds: [message.messageId],
  };
}

/** A new message on an interrupted task: the prompt moves to the history, the message follows it. */
export function continueRecord(record: TaskRecord, message: Message, at: string): void {
  const { task } = record;
  const contextId = task.contextId ?? '';
  const history = (task.history ??= []);
  if (task.status.message !== undefined) history.push(task.status.message);
  history.push({ ...message, taskId: task.id, contextId });
  if (history.length > MAX_MESSAGES) history.splice(0, history.length - MAX_MESSAGES);
  record.messageIds.push(message.messageId);
  if (record.messageIds.length > MAX_MESSAGES) record.messageIds.shift();
  task.status = { state: 'TASK_STATE_SUBMITTED', timestamp: at };
}

/** Takes back `continueRecord` for a message that was not worked on: its requester may send it again. */
export function undoContinue(record: TaskRecord, previous: TaskStatus): void {
  const { task } = record;
  record.messageIds.pop();
  task.history?.pop();
  if (previous.message !== undefined) task.history?.pop();
  task.status = previous;
}

export function setStatus(
  record: TaskRecord,
  state: TaskState,
  at: string,
  message?: Message,
): StreamResponse {
  const { task } = record;
  task.status = message === undefined ? { state, timestamp: at } : { state, message, timestamp: at };
  return { statusUpdate: { taskId: task.id, contextId: task.contextId ?? '', status: task.status } };
}

export interface ArtifactChunk {
  readonly artifact: Artifact;
  readonly append?: boolean | undefined;
  readonly lastChunk?: boolean | undefined;
}

export function addArtifact(record: TaskRecord, chunk: ArtifactChunk): StreamResponse {
  const { task } = record;
  putArtifact(task, chunk.artifact, chunk.append === true);
  return {
    artifactUpdate: {
      taskId: task.id,
      contextId: task.contextId ?? '',
      artifact: chunk.artifact,
      ...(chunk.append === undefined ? {} : { append: chunk.append }),
      ...(chunk.lastChunk === undefined ? {} : { lastChunk: chunk.lastChunk }),
    },
  };
}

/** A2A §4.2.2: `append` adds the parts to the artifact of that id; without it the artifact is new or replaced. */
export function putArtifact(task: Task, artifact: Artifact, append: boolean): void {
  const artifacts = (task.artifacts ??= []);
  const index = artifacts.findIndex((known) => known.artifactId === artifact.artifactId);
  const known = artifacts[index];
  if (known === undefined) artifacts.push({ ...artifact, parts: [...artifact.parts] });
  else if (append) known.parts.push(...artifact.parts);
  else artifacts[index] = { ...artifact, parts: [...artifact.parts] };
}

export function agentMessage(
  task: Task,
  messageId: string,
  parts: Part[],
  metadata?: Record<string, unknown>,
): Message {
  return {
    messageId,
    role: 'ROLE_AGENT',
    taskId: task.id,
    contextId: task.contextId ?? '',
    parts,
    ...(metadata === undefined ? {} : { metadata }),
  };
}

/** At rest: no run of the handler belongs to it, and a stream that shows it ends. */
export function isSettled(state: TaskState): boolean {
  return isTerminal(state) || isInterrupted(state);
}

/** The task as a reply shows it. `historyLength` unset: whole history; 0: none (A2A §3.2.4). */
export function viewTask(
  task: Task,
  options: { historyLength?: number | undefined; withoutArtifacts?: boolean } = {},
): Task {
  const { historyLength, withoutArtifacts } = options;
  if (historyLength === undefined && withoutArtifacts !== true) return task;
  const { history, artifacts, ...view } = task;
  const shown =
    historyLength === undefined ? history : historyLength === 0 ? undefined : history?.slice(-historyLength);
  return {
    ...view,
    ...(artifacts === undefined || withoutArtifacts === true ? {} : { artifacts }),
    ...(shown === undefined ? {} : { history: shown }),
  };
}
