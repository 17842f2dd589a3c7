import type { JsonRpcError, ListTasksRequest, ListTasksResponse, Task } from '@shoal/protocol';
import { invalidParams } from '@shoal/protocol';
import { viewTask } from './task-record.ts';

const DEFAULT_PAGE_SIZE = 50;
const MAX_PAGE_SIZE = 100;

/** One page, newest status first (A2A §3.1.4). The page token names the last task shown, so new tasks shift nothing. */
export function listTasks(
  tasks: Iterable<Task>,
  request: ListTasksRequest,
): { readonly result: ListTasksResponse } | { readonly error: JsonRpcError } {
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

  const matching = [...tasks].filter((task) => matches(task, request)).sort(newestFirst);
  const rest = after === undefined ? matching : matching.filter((task) => newestFirst(task, after) > 0);
  const page = rest.slice(0, pageSize);
  const last = page.at(-1);
  return {
    result: {
      tasks: page.map((task) =>
        viewTask(task, {
          historyLength: request.historyLength,
          withoutArtifacts: request.includeArtifacts !== true,
        }),
      ),
      nextPageToken: last !== undefined && rest.length > page.length ? encodeToken(last) : '',
      pageSize,
      totalSize: matching.length,
    },
  };
}

function matches(task: Task, request: ListTasksRequest): boolean {
  if (request.contextId !== undefined && request.contextId !== '' && task.contextId !== request.contextId)
    return false;
  if (
    request.status !== undefined &&
    request.status !== 'TASK_STATE_UNSPECIFIED' &&
    task.status.state !== request.status
  ) {
    return false;
  }
  return (
    request.statusTimestampAfter === undefined ||
    (task.status.timestamp ?? '') >= request.statusTimestampAfter
  );
}

type Position = Pick<Task, 'id'> & { readonly status: { readonly timestamp?: string } };

function newestFirst(a: Position, b: Position): number {
  const left = a.status.timestamp ?? '';
  const right = b.status.timestamp ?? '';
  if (left !== right) return left < right ? 1 : -1;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}

function encodeToken(task: Task): string {
  return btoa(`${task.status.timestamp ?? ''} ${encodeURIComponent(task.id)}`);
}

function decodeToken(token: string): Position | null {
  try {
    const [timestamp, id, ...rest] = atob(token).split(' ');
    if (timestamp === undefined || id === undefined || rest.length > 0) return null;
    return { id: decodeURIComponent(id), status: { timestamp } };
  } catch {
    return null;
  }
}

function invalid(field: string, description: string): { readonly error: JsonRpcError } {
  return { error: invalidParams([{ field, message: description }], `${field} ${description}`) };
}
