import type { Task } from '@shoal/protocol';
import { normalizeTaskId } from '@shoal/protocol';
import type { MaybePromise } from '../core/keyed-lock.ts';
import { KeyedLock, whenReady } from '../core/keyed-lock.ts';
import type { TaskSummary } from '../core/list-tasks.ts';
import type { TaskRecord } from '../core/task-record.ts';
import type { TaskRunner } from './task-runner.ts';
import type { TaskStore } from './task-store.ts';

const EARLIER_TASKS = 20;

/** Tasks as they are now: the running ones from the runner, the others from the store. What changes one task is done in turn. */
export class StoredTasks {
  readonly #store: TaskStore;
  readonly #runner: TaskRunner;
  readonly #lock = new KeyedLock();

  constructor(store: TaskStore, runner: TaskRunner) {
    this.#store = store;
    this.#runner = runner;
  }

  inTurn<T>(taskId: string, work: (key: string) => MaybePromise<T>): MaybePromise<T> {
    const key = normalizeTaskId(taskId);
    return this.#lock.run(key, () => work(key));
  }

  find(taskId: string): MaybePromise<TaskRecord | undefined> {
    const key = normalizeTaskId(taskId);
    return this.#runner.find(key)?.record ?? this.#store.load(key);
  }

  /** The other tasks of the record's context that belong to the same owner, oldest first. */
  async earlierTasks({ task, owner }: TaskRecord): Promise<Task[]> {
    const key = normalizeTaskId(task.id);
    const summaries = [...(await this.#store.list())]
      .filter(({ contextId, key: other }) => contextId === task.contextId && other !== key)
      .sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1))
      .slice(-EARLIER_TASKS);
    const records = await Promise.all(summaries.map(async (summary) => this.find(summary.key)));
    return records.flatMap((record) => (record !== undefined && record.owner === owner ? record.task : []));
  }

  /** Removes tasks that are at rest and have not changed since they were listed. */
  async forget(summaries: readonly TaskSummary[]): Promise<void> {
    for (const { key, timestamp } of summaries) {
      await this.inTurn(key, (locked) =>
        whenReady(this.find(locked), (record) =>
          record?.task.status.timestamp === timestamp && this.#runner.find(locked) === undefined
            ? this.#store.remove(locked)
            : undefined,
        ),
      );
    }
  }

  list(): MaybePromise<Iterable<TaskSummary>> {
    return this.#store.list();
  }

  /** `change` returns whether there is something to store. Resolves when it is. */
  change(taskId: string, change: (record: TaskRecord) => boolean): MaybePromise<void> {
    return this.inTurn(taskId, (key) =>
      whenReady(this.find(key), (record) =>
        record !== undefined && change(record) ? this.#store.save(record, 'commit') : undefined,
      ),
    );
  }
}
