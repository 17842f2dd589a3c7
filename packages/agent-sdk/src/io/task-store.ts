import type { Link, Logger } from '@shoal/mqtt-link';
import type { AgentAddress, JsonRpcError, ListTasksRequest, ListTasksResponse } from '@shoal/protocol';
import type { MaybePromise } from '../core/keyed-lock.ts';
import { isPromise, whenReady } from '../core/keyed-lock.ts';
import type { TaskSummary } from '../core/list-tasks.ts';
import { selectPage, viewListed } from '../core/list-tasks.ts';
import type { TaskRecord } from '../core/task-record.ts';

/**
 * Where a responder keeps its tasks. Keys are task ids in lower case. One agent writes to a store, nobody else. Contract suite:
 * `taskStoreContract` of `@shoal/agent-sdk/testing`.
 */
export interface TaskStore {
  /** Called once before the first request; loads what a predecessor left. */
  open?(context: TaskStoreContext): Promise<void>;
  load(key: string): MaybePromise<TaskRecord | undefined>;
  /**
   * `commit`: done (or resolved) when the record survives a crash, as far as this store survives one. `progress`: may be written
   * later or left out when a newer state follows. A store without promises costs a request no turn of the event loop.
   */
  save(record: TaskRecord, importance: 'commit' | 'progress'): MaybePromise<void>;
  remove(key: string): MaybePromise<void>;
  /** Every stored task in brief; the tasks themselves may stay on the disk. */
  list(): MaybePromise<Iterable<TaskSummary>>;
  close?(): Promise<void>;
  /** The tasks lie on the broker in the clear: an agent that encrypts refuses such a store. */
  readonly onBroker?: true;
}

export interface TaskStoreContext {
  readonly link: Link;
  readonly address: AgentAddress;
  readonly logger: Logger;
}

/** One page of a store's tasks, as ListTasks answers it. `live`: a task that runs, whose state may be newer than what is stored. Only the tasks of `owner`. */
export function pageTasks(
  store: TaskStore,
  request: ListTasksRequest,
  live: (key: string) => TaskRecord | undefined = () => undefined,
  owner?: string,
): MaybePromise<{ readonly result: ListTasksResponse } | { readonly error: JsonRpcError }> {
  return whenReady(store.list(), (summaries) => {
    const own = [...summaries].filter((summary) => summary.owner === owner);
    const page = selectPage(own, request);
    if ('error' in page) return page;
    const { keys, ...counts } = page;
    const loaded = keys.map((key) => live(key) ?? store.load(key));
    const answer = (records: readonly (TaskRecord | undefined)[]) => ({
      // A task that was removed since the page was chosen is not there to be shown.
      result: {
        ...counts,
        tasks: records.flatMap((record) => (record ? viewListed(record.task, request) : [])),
      },
    });
    return loaded.some(isPromise)
      ? Promise.all(loaded.map(async (record) => record)).then(answer)
      : answer(loaded as TaskRecord[]);
  });
}
