import type { Message, StreamResponse, Task, TaskState } from '@shoal/protocol';
import { describe, expect, it } from 'vitest';
import { buildCard } from './card.ts';
import { expiredContexts } from './expired-contexts.ts';
import { ItemBuffer } from './item-buffer.ts';
import { KeyedLock } from './keyed-lock.ts';
import type { TaskSummary } from './list-tasks.ts';
import { listTasks } from './list-tasks.ts';
import { faultOfParts, toArtifacts } from './output.ts';
import { parseRecord } from './parse-record.ts';
import type { CallEvent, CallState, Decision } from './retry.ts';
import { DEFAULT_RETRY, NEW_CALL, decideCall } from './retry.ts';
import { checkSequence, foldItem } from './stream.ts';
import { admit } from './task-machine.ts';
import { continueRecord, newRecord, setStatus, undoContinue } from './task-record.ts';

const AT = '2026-01-01T00:00:00.000Z';
const message = (messageId: string, fields: Partial<Message> = {}): Message => ({
  messageId,
  role: 'ROLE_USER',
  parts: [{ text: messageId }],
  ...fields,
});

describe('the retry profile', () => {
  const run = (...events: CallEvent[]): Decision => {
    let state: CallState = NEW_CALL;
    let decision: Decision | undefined;
    for (const event of events) {
      decision = decideCall(state, event, DEFAULT_RETRY, () => 0.5);
      state = decision.state;
    }
    return decision as Decision;
  };
  const start: CallEvent = { type: 'start' };
  const timer: CallEvent = { type: 'timer' };
  const acknowledged = (attempt: number, reasonCode: number): CallEvent => ({
    type: 'acknowledged',
    attempt,
    reasonCode,
  });

  it('V49: publishes, waits 15 s, backs off 1 s and then 2 s, and gives up after the third silence', () => {
    expect(run(start)).toMatchObject({ action: 'publish', timerMs: 15_000 });
    expect(run(start, timer)).toMatchObject({ action: 'none', timerMs: 1_000 });
    expect(run(start, timer, timer)).toMatchObject({ action: 'publish', state: { attempt: 2 } });
    expect(run(start, timer, timer, timer)).toMatchObject({ timerMs: 2_000 });
    expect(run(start, timer, timer, timer, timer, timer)).toMatchObject({
      action: 'fail',
      state: { reason: { kind: 'timeout' } },
    });
  });

  it('V52: takes 0x10 as a reason to try again early, and as the reason when it was the last try', () => {
    expect(run(start, acknowledged(1, 0x10))).toMatchObject({ action: 'none', timerMs: 1_000 });
    const all = [start, acknowledged(1, 0x10), timer, acknowledged(2, 0x10), timer, acknowledged(3, 0x10)];
    expect(run(...all)).toMatchObject({ action: 'fail', state: { reason: { kind: 'no-responder' } } });
  });

  it.each([0x87, 0x90, 0x99])('V52: takes reason code %i as final', (reasonCode) => {
    expect(run(start, acknowledged(1, reasonCode))).toMatchObject({
      action: 'fail',
      state: { reason: { reasonCode } },
    });
  });

  it('tries again after other refusals and local failures, and not when the link is gone', () => {
    expect(run(start, acknowledged(1, 0x97))).toMatchObject({ action: 'none', timerMs: 1_000 });
    const failed = (final: boolean): CallEvent => ({ type: 'publish-failed', attempt: 1, cause: 'x', final });
    expect(run(start, failed(false))).toMatchObject({ action: 'none', timerMs: 1_000 });
    expect(run(start, failed(true))).toMatchObject({ action: 'fail' });
  });

  it('an acknowledgement of an earlier attempt decides nothing any more', () => {
    expect(run(start, timer, timer, acknowledged(1, 0x10))).toMatchObject({
      action: 'none',
      timerMs: 'keep',
    });
  });

  it('V50 V51: never sends again after a reply; silence then asks for the task', () => {
    const reply: CallEvent = { type: 'reply', last: false };
    expect(run(start, timer, reply)).toMatchObject({ state: { phase: 'streaming' }, timerMs: 30_000 });
    expect(run(start, reply, timer)).toMatchObject({ action: 'recover', timerMs: undefined });
    expect(run(start, reply, timer, { type: 'recovered' })).toMatchObject({ timerMs: 30_000 });
    expect(run(start, { type: 'reply', last: true }, timer)).toMatchObject({ action: 'none' });
  });
});

describe('admission', () => {
  const input = (one: Message) => ({ message: one, taskId: 't', newContextId: () => 'generated', at: AT });

  it('creates, continues, repeats and refuses by what is known', () => {
    expect(admit(undefined, input(message('1')))).toMatchObject({
      kind: 'new',
      record: { task: { contextId: 'generated' } },
    });
    expect(admit(undefined, { ...input(message('1')), intent: 'continue' })).toMatchObject({
      error: { code: -32001 },
    });
    const record = newRecord('t', 'c', message('1'), AT);
    expect(admit(record, input(message('1')))).toMatchObject({ kind: 'duplicate' });
    expect(admit(record, input(message('2')))).toMatchObject({ kind: 'refused', error: { code: -32004 } });
    setStatus(record, 'TASK_STATE_INPUT_REQUIRED', AT);
    expect(admit(record, input(message('2')))).toMatchObject({ kind: 'continue' });
    expect(admit(record, input(message('2', { contextId: 'other' })))).toMatchObject({
      error: { code: -32602 },
    });
  });

  it('a continuation that never ran is taken back without a trace', () => {
    const record = newRecord('t', 'c', message('1'), AT);
    setStatus(record, 'TASK_STATE_INPUT_REQUIRED', AT, message('ask', { role: 'ROLE_AGENT' }));
    const before = structuredClone(record);
    const previous = record.task.status;
    continueRecord(record, message('2'), AT);
    expect(record.task.history).toHaveLength(3);
    undoContinue(record, previous);
    expect(record).toEqual(before);
  });
});

describe('contexts', () => {
  const task = (contextId: string, at: string, state: TaskState = 'TASK_STATE_COMPLETED'): TaskSummary => ({
    key: `${contextId}-${at}`,
    contextId,
    state,
    timestamp: `2026-01-01T00:00:${at}.000Z`,
  });

  it('C9: end when nothing happened in them for so long, all their tasks together', () => {
    const all = [
      task('old', '01'),
      task('old', '02', 'TASK_STATE_INPUT_REQUIRED'),
      task('mixed', '01'),
      task('mixed', '50'),
      task('busy', '01', 'TASK_STATE_WORKING'),
      { ...task('untold', '01'), pushPending: true as const },
    ];
    const expired = expiredContexts(all, '2026-01-01T00:01:00.000Z', 30);
    expect(expired.map(({ key }) => key)).toEqual(['old-01', 'old-02']);
  });
});

describe('small parts', () => {
  it('ListTasks filters, sorts and pages', () => {
    const tasks: Task[] = [1, 2, 3, 4].map((n) => ({
      id: `t${n}`,
      contextId: n < 4 ? 'c' : 'd',
      status: { state: 'TASK_STATE_COMPLETED', timestamp: `2026-01-01T00:00:0${n}.000Z` },
      artifacts: [],
    }));
    const first = listTasks(tasks, { contextId: 'c', pageSize: 2 });
    expect(first).toMatchObject({
      result: { tasks: [{ id: 't3' }, { id: 't2' }], totalSize: 3, pageSize: 2 },
    });
    const pageToken = 'result' in first ? first.result.nextPageToken : '';
    expect(listTasks(tasks, { contextId: 'c', pageSize: 2, pageToken })).toMatchObject({
      result: { tasks: [{ id: 't1' }], nextPageToken: '' },
    });
    expect(listTasks(tasks, { statusTimestampAfter: '2026-01-01T00:00:04.000Z' })).toMatchObject({
      result: { totalSize: 1 },
    });
    expect(listTasks(tasks, { status: 'TASK_STATE_FAILED' })).toMatchObject({ result: { tasks: [] } });
  });

  it('an ItemBuffer hands over in order, refuses what does not fit, and ends once', async () => {
    const buffer = new ItemBuffer<number>(2);
    expect([buffer.push(1), buffer.push(2), buffer.push(3)]).toEqual([true, true, false]);
    buffer.end({ error: new Error('over') });
    buffer.end();
    expect([await buffer.next(), await buffer.next()].map(({ value }) => value)).toEqual([1, 2]);
    await expect(buffer.next()).rejects.toThrow('over');
    expect((await buffer.next()).done).toBe(true);
  });

  it('a KeyedLock runs one key in turn and others at once', async () => {
    const lock = new KeyedLock();
    const order: string[] = [];
    let release: () => void = () => undefined;
    const first = lock.run('a', () =>
      new Promise<void>((resolve) => (release = resolve)).then(() => void order.push('a1')),
    );
    const second = lock.run('a', () => void order.push('a2'));
    expect(lock.run('b', () => order.push('b'))).toBe(1);
    release();
    await Promise.all([first, second]);
    expect(order).toEqual(['b', 'a1', 'a2']);
    await expect.poll(() => lock.size).toBe(0);
  });

  it('folds stream items into a task', () => {
    const ids = { taskId: 't', contextId: 'c' };
    const artifact = (text: string) => ({ artifactId: 'a', parts: [{ text }] });
    const items: StreamResponse[] = [
      { statusUpdate: { ...ids, status: { state: 'TASK_STATE_WORKING' } } },
      { artifactUpdate: { ...ids, artifact: artifact('one') } },
      { artifactUpdate: { ...ids, artifact: artifact('two'), append: true } },
    ];
    let task: Task | undefined;
    for (const item of items) task = foldItem(task, item);
    expect(task?.artifacts).toEqual([{ artifactId: 'a', parts: [{ text: 'one' }, { text: 'two' }] }]);
  });

  it('tells repeated, next and missing items apart, and believes a peer that does not count', () => {
    expect([
      checkSequence(2, '1'),
      checkSequence(2, '2'),
      checkSequence(2, '4'),
      checkSequence(2, undefined),
    ]).toEqual(['repeated', 'next', 'gap', 'next']);
    expect(checkSequence(2, 'x')).toBe('next');
  });

  it('names what is wrong with parts', () => {
    expect(faultOfParts([])).toContain('at least one');
    expect(faultOfParts([{ text: 'a' }, { text: 'a', data: 1 } as never])).toContain('parts[1]');
    expect(faultOfParts([{ data: null }])).toBeUndefined();
    expect(() => toArtifacts({ artifacts: [{ parts: [] }] }, () => '1')).toThrow('artifact: parts');
  });

  it('a card keeps no password, has no empty REQUIRED field, and is refused by name when it is wrong', () => {
    const address = { org: 'o', unit: 'u', agentId: 'a' };
    const card = buildCard(
      { name: 'N', description: 'D' },
      address,
      'mqtts://user:secret@host:8883?x=secret',
    );
    expect(JSON.stringify(card)).not.toContain('secret');
    expect(card.supportedInterfaces[0]?.url).toBe('mqtts://host:8883');
    expect(() => buildCard({ name: '', description: 'D' }, address, 'mqtt://h')).toThrow('card.name');
    expect(() => buildCard({ name: 'N', description: 'D', skills: [] }, address, 'mqtt://h')).toThrow(
      'card.skills',
    );
    const skills = [{ id: 's', tags: [1] }] as never;
    expect(() => buildCard({ name: 'N', description: 'D', skills }, address, 'mqtt://h')).toThrow(
      'skills[0].tags',
    );
  });

  it('reads back a record that it wrote, and names the field of one that is broken', () => {
    const record = newRecord('t', 'c', message('1'), AT);
    expect(parseRecord(JSON.parse(JSON.stringify(record)))).toEqual({ ok: true, value: record });
    expect(parseRecord({ ...record, task: { id: 1 } })).toMatchObject({
      ok: false,
      violations: [{ field: 'task.status' }, { field: 'task.id' }],
    });
    expect(parseRecord({ ...record, schemaVersion: 2 })).toMatchObject({
      violations: [{ field: 'schemaVersion' }],
    });
  });
});
