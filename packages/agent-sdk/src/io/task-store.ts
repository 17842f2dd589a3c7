import type { Link, Logger } from '@shoal/mqtt-link';
import type { AgentAddress } from '@shoal/protocol';
import type { MaybePromise } from '../core/keyed-lock.ts';
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
  list(): MaybePromise<Iterable<TaskRecord>>;
  close?(): Promise<void>;
}

export interface TaskStoreContext {
  readonly link: Link;
  readonly address: AgentAddress;
  readonly logger: Logger;
}
