import type { TaskState } from '@shoal/protocol';
import { isTerminal, normalizeTaskId } from '@shoal/protocol';
import type { TaskRecord } from '../core/task-record.ts';
import { isSettled } from '../core/task-record.ts';
import type { TaskStore } from './task-store.ts';

export interface MemoryTaskStoreOptions {
  /** Default 1 000. One more drops the oldest ended task, else the oldest that waits for input; running tasks stay. */
  readonly maxTasks?: number;
}

/** Tasks live as long as the process. The fastest store: a save is an entry in a map. */
export function memoryTaskStore(options: MemoryTaskStoreOptions = {}): TaskStore {
  const maxTasks = options.maxTasks ?? 1_000;
  const records = new Map<string, TaskRecord>();
  const evictor = new Evictor(records);
  return {
    load: (key) => records.get(key),
    save(record, importance) {
      if (importance === 'progress') return;
      const key = normalizeTaskId(record.task.id);
      if (!records.has(key)) {
        if (records.size >= maxTasks) evictor.evict();
        records.set(key, record);
      }
    },
    remove(key) {
      records.delete(key);
    },
    list: () => records.values(),
  };
}

/** Finds what to forget first. It goes on where it stopped: a new walk would pass all the places that were deleted. */
export class Evictor {
  readonly #records: Map<string, TaskRecord>;
  #walk: MapIterator<[string, TaskRecord]>;

  constructor(records: Map<string, TaskRecord>) {
    this.#records = records;
    this.#walk = records.entries();
  }

  /** Deletes the oldest ended task, else the oldest that waits for input; returns its key, or undefined when all are running. */
  evict(): string | undefined {
    const key = this.#find((state) => isTerminal(state)) ?? this.#find((state) => isSettled(state));
    if (key !== undefined) this.#records.delete(key);
    return key;
  }

  #find(fits: (state: TaskState) => boolean): string | undefined {
    for (let lap = 0; lap < 2; lap += 1) {
      for (let next = this.#walk.next(); next.done !== true; next = this.#walk.next()) {
        const [key, { task }] = next.value;
        if (fits(task.status.state)) return key;
      }
      this.#walk = this.#records.entries();
    }
    return undefined;
  }
}
