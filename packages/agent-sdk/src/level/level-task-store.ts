import type { ClassicLevel } from 'classic-level';
import type { Logger } from '@shoal/mqtt-link';
import { silentLogger } from '@shoal/mqtt-link';
import { describeViolations, normalizeTaskId, parseJson } from '@shoal/protocol';
import type { TaskSummary } from '../core/list-tasks.ts';
import { summaryOf } from '../core/list-tasks.ts';
import { parseRecord } from '../core/parse-record.ts';
import type { TaskRecord } from '../core/task-record.ts';
import { Evictor } from '../io/evictor.ts';
import { GroupCommit } from '../io/group-commit.ts';
import type { TaskStore, TaskStoreContext } from '../io/task-store.ts';
import type { Change } from './open-level.ts';
import { openLevel, writeChanges } from './open-level.ts';

export interface LevelTaskStoreOptions {
  /** Made if missing. One agent at a time: a second one fails to start with `store-failed`. */
  readonly directory: string;
  /** Default 10 000. One more removes the oldest ended task, else the oldest that waits for input. About 300 bytes of memory each. */
  readonly maxTasks?: number;
  /**
   * Default true: a commit is flushed to the disk and survives a power cut. False: survives the death of the process, not of the
   * machine, and costs a hundredth.
   */
  readonly sync?: boolean;
  /** Progress of one task is written at most this often; its end at once. Default 1 000. */
  readonly minIntervalMs?: number;
}

/** Tasks in an embedded database: they stay on the disk, and only a summary of each in memory. */
export function levelTaskStore(options: LevelTaskStoreOptions): TaskStore {
  return new LevelTaskStore(options);
}

class LevelTaskStore implements TaskStore {
  readonly #options: LevelTaskStoreOptions;
  readonly #summaries = new Map<string, TaskSummary>();
  readonly #evictor = new Evictor(this.#summaries, ({ state }) => state);
  readonly #due = new Map<string, { readonly record: TaskRecord; readonly timer: NodeJS.Timeout }>();
  readonly #commits: GroupCommit<Change>;
  #db: ClassicLevel | undefined;
  #logger: Logger = silentLogger;

  constructor(options: LevelTaskStoreOptions) {
    this.#options = options;
    const sync = options.sync ?? true;
    this.#commits = new GroupCommit((changes) => writeChanges(this.#open(), changes, sync));
  }

  async open(context: Pick<TaskStoreContext, 'logger'>): Promise<void> {
    this.#logger = context.logger;
    this.#db = await openLevel(this.#options.directory);
    const found: TaskSummary[] = [];
    for await (const [key, value] of this.#db.iterator()) {
      const record = this.#read(key, value);
      if (record !== undefined) found.push(summaryOf(record));
    }
    // Oldest first, as if they had been saved one after the other.
    found.sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1));
    for (const summary of found) this.#summaries.set(summary.key, summary);
  }

  load(key: string): TaskRecord | undefined {
    if (!this.#summaries.has(key)) return undefined;
    const value = this.#open().getSync(key);
    return value === undefined ? undefined : this.#read(key, value);
  }

  save(record: TaskRecord, importance: 'commit' | 'progress'): Promise<void> | undefined {
    const summary = summaryOf(record);
    const { key } = summary;
    if (importance === 'progress') {
      if (!this.#due.has(key)) this.#due.set(key, { record, timer: this.#later(key) });
      return undefined;
    }
    this.#cancelDue(key);
    if (!this.#summaries.has(key)) this.#makeRoom();
    this.#summaries.set(key, summary);
    return this.#commits.add({ key, value: JSON.stringify(record) });
  }

  remove(key: string): Promise<void> {
    this.#cancelDue(key);
    this.#summaries.delete(key);
    return this.#commits.add({ key, value: undefined });
  }

  list(): Iterable<TaskSummary> {
    return [...this.#summaries.values()];
  }

  async close(): Promise<void> {
    const db = this.#db;
    if (db === undefined) return;
    await Promise.allSettled([...this.#due.keys()].map((key) => this.#writeDue(key)));
    await this.#commits.idle();
    this.#db = undefined;
    await db.close();
  }

  #later(key: string): NodeJS.Timeout {
    return setTimeout(() => {
      this.#writeDue(key).catch((error: unknown) =>
        this.#logger.warn('progress of a task could not be stored', { taskId: key, error: String(error) }),
      );
    }, this.#options.minIntervalMs ?? 1_000);
  }

  async #writeDue(key: string): Promise<void> {
    const record = this.#due.get(key)?.record;
    if (record !== undefined) await this.save(record, 'commit');
  }

  #cancelDue(key: string): void {
    clearTimeout(this.#due.get(key)?.timer);
    this.#due.delete(key);
  }

  #makeRoom(): void {
    if (this.#summaries.size < (this.#options.maxTasks ?? 10_000)) return;
    const evicted = this.#evictor.evict();
    if (evicted === undefined) return;
    this.remove(evicted).catch((error: unknown) =>
      this.#logger.warn('an old task could not be removed', { taskId: evicted, error: String(error) }),
    );
  }

  #read(key: string, value: string): TaskRecord | undefined {
    const json = parseJson(value);
    const record = json.ok ? parseRecord(json.value) : json;
    if (record.ok && normalizeTaskId(record.value.task.id) === key) return record.value;
    const why = record.ok ? 'it is stored under the key of another' : describeViolations(record.violations);
    this.#logger.warn('a stored task cannot be read and is left alone', { taskId: key, why });
    return undefined;
  }

  #open(): ClassicLevel {
    if (this.#db === undefined) throw new Error('levelTaskStore is not open');
    return this.#db;
  }
}
