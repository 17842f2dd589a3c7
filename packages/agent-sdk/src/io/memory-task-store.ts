import { isTerminal, normalizeTaskId } from '@shoal/protocol';
import type { TaskRecord } from '../core/task-record.ts';
import { isSettled } from '../core/task-record.ts';
import type { TaskStore } from './task-store.ts';

export interface MemoryTaskStoreOptions {
  /** Default 10 000. One more drops the oldest ended task, else the oldest that waits for input; running tasks stay. */
  readonly maxTasks?: number;
}

/** Tasks live as long as the process. The fastest store: a save is an entry in a map. */
export function memoryTaskStore(options: MemoryTaskStoreOptions = {}): TaskStore {
  const maxTasks = options.maxTasks ?? 10_000;
  const records = new Map<string, TaskRecord>();
  return {
    load: (key) => records.get(key),
    save(record, importance) {
      if (importance === 'progress') return;
      const key = normalizeTaskId(record.task.id);
      if (!records.has(key) && records.size >= maxTasks) evictOne(records);
      records.set(key, record);
    },
    remove(key) {
      records.delete(key);
    },
    list: () => records.values(),
  };
}

/** Forgets the oldest ended task, else the oldest interrupted one. Returns its key. */
export function evictOne(records: Map<string, TaskRecord>): string | undefined {
  let interrupted: string | undefined;
  for (const [key, { task }] of records) {
    if (isTerminal(task.status.state)) {
      records.delete(key);
      return key;
    }
    if (interrupted === undefined && isSettled(task.status.state)) interrupted = key;
  }
  if (interrupted !== undefined) records.delete(interrupted);
  return interrupted;
}
