import type { JsonRpcError, ListTasksRequest, ListTasksResponse, Task, TaskState } from '@shoal/protocol';
import { invalidParams, normalizeTaskId } from '@shoal/protocol';
import { isPushPending } from './push-configs.ts';
import type { TaskRecord } from './task-record.ts';
import { viewTask } from './task-record.ts';

const DEFAULT_PAGE_SIZE = 50;
const MAX_PAGE_SIZE = 100;

/** What is known of a stored task without reading it. */
export interface TaskSummary {
  /** The task id in lower case. */
  readonly key: string;
  readonly contextId: string;
  readonly state: TaskState;
  /** Of the status, ISO 8601; empty when it has none. */
  readonly timestamp: string;
  /** See `TaskRecord.owner`. */
  readonly owner?: string;
  /** Somebody is still to be notified of the state that the task rests in. */
  readonly pushPending?: true;
}

export function summaryOf(record: Pick<TaskRecord, 'task' | 'push' | 'owner'>): TaskSummary {
  const { id, contextId = '', status } = record.task;
  return {
    key: normalizeTaskId(id),
    contextId,
    state: status.state,
    timestamp: status.timestamp ?? '',
    ...(record.owner === undefined ? {} : { owner: record.owner }),
    ...(isPushPending(record) ? { pushPending: true } : {}),
  };
}

/** One page of keys, newest status first. */
export interface TaskPage {
  readonly keys: readonly string[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
  readonly pageSize: number;
  readonly totalSize: number;
}

type Invalid = { readonly error: JsonRpcError };

/** A2A §3.1.4. The page token names the last task shown, so new tasks shift nothing. */
export function selectPage(summaries: Iterable<TaskSummary>, request: ListTasksRequest): TaskPage | Invalid {
  const pageSize = request.pageSize ?? DEFAULT_PAGE_SIZE;
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > MAX_PAGE_SIZE) {
    return invalid('pageSize', `must be 1 to ${MAX_PAGE_SIZE}, is ${pageSize}`);
  }
  if (request.historyLength !== undefined && request.historyLength < 0)
    return invalid('historyLength', 'must not be negative');
  const after =
    request.pageToken === undefined || request.pageToken === '' ? undefined : decodeToken(request.pageToken);
  if (after === null)
    return invalid('pageToken', 'is not a token of this agent; leave it out to start at the first page');

  const matching = [...summaries].filter((task) => matches(task, request)).sort(newestFirst);
  const rest = after === undefined ? matching : matching.filter((task) => newestFirst(task, after) > 0);
  const page = rest.slice(0, pageSize);
  const last = page.at(-1);
  return {
    keys: page.map(({ key }) => key),
    nextPageToken: last !== undefined && rest.length > page.length ? encodeToken(last) : '',
    pageSize,
    totalSize: matching.length,
  };
}

/** The task as ListTasks shows it. */
export function viewListed(task: Task, { historyLength, includeArtifacts }: ListTasksRequest): Task {
  return viewTask(task, { historyLength, withoutArtifacts: includeArtifacts !== true });
}

/** ListTasks over tasks that are all at hand. */
export function listTasks(
  tasks: Iterable<Task>,
  request: ListTasksRequest,
): { readonly result: ListTasksResponse } | Invalid {
  const byKey = new Map([...tasks].map((task) => [normalizeTaskId(task.id), task]));
  const page = selectPage(
    [...byKey.values()].map((task) => summaryOf({ task })),
    request,
  );
  if ('error' in page) return page;
  const { keys, ...counts } = page;
  const shown = keys.flatMap((key) => byKey.get(key) ?? []);
  return { result: { ...counts, tasks: shown.map((task) => viewListed(task, request)) } };
}

function matches(task: TaskSummary, request: ListTasksRequest): boolean {
  const { contextId, status, statusTimestampAfter } = request;
  if (contextId !== undefined && contextId !== '' && task.contextId !== contextId) return false;
  if (status !== undefined && status !== 'TASK_STATE_UNSPECIFIED' && task.state !== status) return false;
  return statusTimestampAfter === undefined || task.timestamp >= statusTimestampAfter;
}

type Position = Pick<TaskSummary, 'key' | 'timestamp'>;

function newestFirst(a: Position, b: Position): number {
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? 1 : -1;
  if (a.key === b.key) return 0;
  return a.key < b.key ? -1 : 1;
}

function encodeToken({ timestamp, key }: Position): string {
  return btoa(`${timestamp} ${encodeURIComponent(key)}`);
}

function decodeToken(token: string): Position | null {
  try {
    const [timestamp, key, ...rest] = atob(token).split(' ');
    if (timestamp === undefined || key === undefined || rest.length > 0) return null;
    return { key: decodeURIComponent(key), timestamp };
  } catch {
    return null;
  }
}

function invalid(field: string, description: string): Invalid {
  return { error: invalidParams([{ field, message: description }], `${field} ${description}`) };
}
