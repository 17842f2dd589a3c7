import { deepEqual, equal } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { TaskState } from '@shoal/protocol';
import type { TaskRecord } from '../core/task-record.ts';
import { newRecord, setStatus } from '../core/task-record.ts';
import type { TaskStore } from '../io/task-store.ts';
import { pageTasks } from '../io/task-store.ts';
import { message } from './contract-case.ts';

export interface OpenedStore {
  readonly store: TaskStore;
  /** The store of a successor, which has nothing but what survives. Absent when nothing does. */
  readonly reopen?: () => Promise<TaskStore>;
}

/** Opens an empty store, of its own for each case. */
export type OpenTaskStore = (options: { readonly maxTasks: number }) => Promise<OpenedStore>;

export interface TaskStoreCase {
  readonly title: string;
  run(open: OpenTaskStore): Promise<void>;
}

const AT = '2026-01-01T00:00:00.000Z';

function record(
  state: TaskState,
  { contextId = 'other', at = AT }: { readonly contextId?: string; readonly at?: string } = {},
): TaskRecord {
  const id = randomUUID();
  const made = newRecord(id, contextId, message('x'), at);
  setStatus(made, state, at);
  return made;
}

async function ids(store: TaskStore): Promise<string[]> {
  return [...(await store.list())].map(({ key }) => key).toSorted();
}

/** What every TaskStore must do. */
export const taskStoreContract: readonly TaskStoreCase[] = [
  {
    title: 'loads and lists what was committed, and nothing else',
    async run(open) {
      const { store } = await open({ maxTasks: 10 });
      equal(await store.load(randomUUID()), undefined);
      const [one, two] = [record('TASK_STATE_COMPLETED'), record('TASK_STATE_WORKING')];
      for (const each of [one, two]) await store.save(each, 'commit');
      deepEqual(await store.load(one.task.id), one);
      deepEqual(await ids(store), [one.task.id, two.task.id].toSorted());
    },
  },
  {
    title: 'takes the latest of several commits',
    async run(open) {
      const { store, reopen } = await open({ maxTasks: 10 });
      const one = record('TASK_STATE_SUBMITTED');
      await store.save(one, 'commit');
      setStatus(one, 'TASK_STATE_WORKING', AT);
      await store.save(one, 'progress');
      setStatus(one, 'TASK_STATE_COMPLETED', AT);
      await store.save(one, 'commit');
      const seen = reopen === undefined ? store : await reopen();
      equal((await seen.load(one.task.id))?.task.status.state, 'TASK_STATE_COMPLETED');
    },
  },
  {
    title: 'forgets what was removed, for its successor too',
    async run(open) {
      const { store, reopen } = await open({ maxTasks: 10 });
      const one = record('TASK_STATE_COMPLETED');
      await store.save(one, 'commit');
      await store.remove(one.task.id);
      equal(await store.load(one.task.id), undefined);
      if (reopen !== undefined) deepEqual(await ids(await reopen()), []);
    },
  },
  {
    title:
      'at its limit drops the oldest ended task first, then the oldest that waits, and never one at work',
    async run(open) {
      const { store } = await open({ maxTasks: 3 });
      const working = record('TASK_STATE_WORKING');
      const asking = record('TASK_STATE_INPUT_REQUIRED');
      const ended = record('TASK_STATE_COMPLETED');
      const later = [1, 2, 3].map(() => record('TASK_STATE_WORKING'));
      for (const each of [working, asking, ended]) await store.save(each, 'commit');
      await store.save(later[0] as TaskRecord, 'commit');
      equal(await store.load(ended.task.id), undefined);
      equal((await store.load(asking.task.id))?.task.id, asking.task.id);
      await store.save(later[1] as TaskRecord, 'commit');
      equal(await store.load(asking.task.id), undefined);
      await store.save(later[2] as TaskRecord, 'commit');
      deepEqual(await ids(store), [working, ...later].map(({ task }) => task.id).toSorted());
    },
  },
  {
    title: 'a successor finds what was committed, whole',
    async run(open) {
      const { store, reopen } = await open({ maxTasks: 10 });
      if (reopen === undefined) return;
      const all = [record('TASK_STATE_COMPLETED'), record('TASK_STATE_WORKING')];
      for (const each of all) await store.save(each, 'commit');
      const heir = await reopen();
      for (const each of all) deepEqual(await heir.load(each.task.id), each);
    },
  },
  {
    title: 'a successor goes on forgetting the oldest first, and keeps what it is told to keep',
    async run(open) {
      const { store, reopen } = await open({ maxTasks: 3 });
      if (reopen === undefined) return;
      const all = [3, 1, 2].map((n) => record('TASK_STATE_COMPLETED', { at: `2026-01-01T00:00:0${n}.000Z` }));
      for (const each of all) await store.save(each, 'commit');
      const heir = await reopen();
      const next = record('TASK_STATE_WORKING', { at: '2026-01-01T00:00:09.000Z' });
      await heir.save(next, 'commit');
      equal((await ids(heir)).length, 3);
      deepEqual(await heir.load(next.task.id), next);
    },
  },
  {
    title: 'pages through its tasks newest first, each once, though tasks come and go between the pages',
    async run(open) {
      const { store, reopen } = await open({ maxTasks: 200 });
      const all = Array.from({ length: 25 }, (_, n) =>
        record(n % 2 === 0 ? 'TASK_STATE_COMPLETED' : 'TASK_STATE_FAILED', {
          contextId: n < 20 ? 'c' : 'd',
          at: `2026-01-01T00:00:${String(10 + n)}.000Z`,
        }),
      );
      for (const each of all) await store.save(each, 'commit');
      const paging = reopen === undefined ? store : await reopen();
      const seen: string[] = [];
      let pageToken = '';
      do {
        const page = await pageTasks(paging, { contextId: 'c', pageSize: 7, pageToken });
        if (!('result' in page)) throw new Error(page.error.message);
        equal(page.result.pageSize, 7);
        seen.push(...page.result.tasks.map(({ id }) => id));
        pageToken = page.result.nextPageToken;
        await paging.save(record('TASK_STATE_WORKING', { at: '2026-01-01T00:01:00.000Z' }), 'commit');
      } while (pageToken !== '');
      const wanted = all.slice(0, 20).map(({ task }) => task.id);
      deepEqual(seen, wanted.toReversed());
      const failed = await pageTasks(paging, { status: 'TASK_STATE_FAILED', pageSize: 100 });
      equal('result' in failed && failed.result.totalSize, 12);
    },
  },
];
