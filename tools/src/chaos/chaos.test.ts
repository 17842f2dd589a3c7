import type { Task, TaskState } from '@shoal/protocol';
import { expect, test } from 'vitest';
import { endOf } from '../shapes/end-of.ts';
import { parseChaosOptions } from './options.ts';
import { judge, type Session } from './verdict.ts';

const scenario = { id: 'acts-once', once: ['act'] };

function taskOf(state: TaskState, steps: Record<string, string>): Task {
  return { id: 's', contextId: 'c', status: { state }, metadata: { steps } };
}

const good = taskOf('TASK_STATE_COMPLETED', { a: 'completed', act: 'completed' });
const undisturbed = new Map([['acts-once', endOf(good)]]);

function verdictOn(session: Partial<Session>, effects: readonly string[] = ['act']) {
  return judge(
    [{ scenario, sessionId: 's', task: good, ...session }],
    effects.map((stepId) => ({ sessionId: 's', stepId })),
    undisturbed,
  );
}

test('a session that ends as the undisturbed one is finished', () => {
  expect(verdictOn({})).toMatchObject({
    started: 1,
    finished: 1,
    unknown: 0,
    lost: 0,
    duplicated: 0,
    wrong: [],
  });
});

test('a typed unknown of a step that must not act twice is an end; of another step it is wrong', () => {
  const unknown = taskOf('TASK_STATE_FAILED', { a: 'completed', act: 'unknown' });
  expect(verdictOn({ task: unknown })).toMatchObject({ finished: 1, unknown: 1, wrong: [] });
  const other = taskOf('TASK_STATE_FAILED', { a: 'unknown', act: 'skipped' });
  expect(verdictOn({ task: other })).toMatchObject({
    finished: 0,
    wrong: [expect.stringContaining('acts-once')],
  });
});

test('another end is wrong, none is lost, and acting twice is a duplicate', () => {
  expect(verdictOn({ task: taskOf('TASK_STATE_FAILED', { a: 'failed' }) }).wrong).toHaveLength(1);
  expect(judge([{ scenario, sessionId: 's' }], [], undisturbed)).toMatchObject({ finished: 0, lost: 1 });
  expect(verdictOn({}, ['act', 'act'])).toMatchObject({ finished: 1, duplicated: 1 });
});

test('a session that its caller canceled may end either way', () => {
  const canceled = { id: 'acts-once', once: [], manyEnds: true as const };
  const task = taskOf('TASK_STATE_CANCELED', { a: 'canceled' });
  expect(verdictOn({ scenario: canceled, task })).toMatchObject({ finished: 1, wrong: [] });
});

test('a wrong command line says what is right', () => {
  expect(() => parseChaosOptions(['--minutes', 'x'])).toThrow('--minutes must be a number');
  expect(() => parseChaosOptions(['--seed=-1'])).toThrow('--seed must be a number');
  expect(() => parseChaosOptions(['--sessions', '0'])).toThrow('--sessions must be a number');
  expect(() => parseChaosOptions(['--fast'])).toThrow('usage: pnpm chaos');
  expect(parseChaosOptions([])).toEqual({ minutes: 1, seed: 1, sessions: 6, json: false });
});
