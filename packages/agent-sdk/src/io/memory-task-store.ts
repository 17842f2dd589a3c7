import { normalizeTaskId } from '@shoal/protocol';
import { summaryOf } from '../core/list-tasks.ts';
import type { TaskRecord } from '../core/task-record.ts';
import { Evictor } from './evictor.ts';
import type { TaskStore } from './task-store.ts';

export interface MemoryTaskStoreOptions {
  /** Default 1 000. One more drops the oldest ended task, else the oldest that waits for input; running tasks stay. */
  readonly maxTasks?: number;
}

/** Tasks live as long as the process. The fastest store: a save is an entry in a map. */
export function memoryTaskStore(options: MemoryTaskStoreOptions = {}): TaskStore {
  const maxTasks = options.maxTasks ?? 1_000;
  const records = new Map<string, TaskRecord>();
  const evictor = new Evictor(records, ({ task }) => task.status.state);
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
    list: () => [...records.values()].map(summaryOf),
  };
}
