import { normalizeTaskId } from '@shoal/protocol';
import type { MaybePromise } from '../core/keyed-lock.ts';
import { KeyedLock, whenReady } from '../core/keyed-lock.ts';
import type { TaskRecord } from '../core/task-record.ts';
import type { TaskRunner } from './task-runner.ts';
import type { TaskStore } from './task-store.ts';

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

  /** `change` returns whether there is something to store. Resolves when it is. */
  change(taskId: string, change: (record: TaskRecord) => boolean): MaybePromise<void> {
    return this.inTurn(taskId, (key) =>
      whenReady(this.find(key), (record) =>
        record !== undefined && change(record) ? this.#store.save(record, 'commit') : undefined,
      ),
    );
  }
}
