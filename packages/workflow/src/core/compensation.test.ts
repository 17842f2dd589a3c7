import { describe, expect, test } from 'vitest';
import {
  cancelRecord,
  claimed,
  completed,
  ended,
  graphYaml,
  itemsOf,
  planOf,
  T0,
  viewOf,
} from '../testing/index.ts';
import { compensationsOf } from './compensation.ts';
import { decideStep } from './decide-step.ts';
import { buildOutcome, unfinishedSteps } from './outcome.ts';
import type { StepView } from './view.ts';

const undo = 'compensate: { use: { blueprint: work } }';
const saga = planOf(
  graphYaml({ a: [], b: ['a'], c: ['b'] }, { a: undo, b: undo, c: `onFailure: compensate, ${undo}` }),
);
const due = (steps: Record<string, StepView>) =>
  compensationsOf(viewOf(saga, steps)).map(({ planned }) => planned.id);
const result = (state: 'failed' | 'canceled' | 'unknown' | 'skipped', id: string) => ({
  result: ended(id, state),
});

describe('what is undone', () => {
  test('nothing before every step has ended, and nothing when all is well', () => {
    expect(due({ a: { result: completed('a') }, c: result('failed', 'c') })).toEqual([]);
    const all = {
      a: { result: completed('a') },
      b: { result: completed('b') },
      c: { result: completed('c') },
    };
    expect(due(all)).toEqual([]);
  });

  test.each(['failed', 'canceled', 'unknown'] as const)(
    'the steps that completed, the last first, when one is %s',
    (state) => {
      const steps = { a: { result: completed('a') }, b: { result: completed('b') }, c: result(state, 'c') };
      expect(due(steps)).toEqual([
        ...(state === 'unknown' ? ['c.compensate'] : []),
        'b.compensate',
        'a.compensate',
      ]);
    },
  );

  test.each([
    ['canceled', 'CANCELED', true],
    ['failed', 'ATTEMPTS_EXHAUSTED', true],
    ['failed', 'STEP_TIMEOUT', true],
    ['failed', 'DEADLINE_EXCEEDED', true],
    ['failed', 'NO_SLOT', false],
  ] as const)('a step that was begun and ended %s with %s may have acted: %s', (state, code, undone) => {
    const steps = (begun: boolean) => ({
      a: { result: completed('a') },
      b: { result: completed('b') },
      c: { ...(begun ? claimed('c', 1) : {}), result: ended('c', state, code) },
    });
    expect(due(steps(true)).includes('c.compensate')).toBe(undone);
    expect(due(steps(false))).toEqual(['b.compensate', 'a.compensate']);
  });

  test('a failure under another policy undoes nothing', () => {
    expect(
      due({ a: { result: completed('a') }, b: result('failed', 'b'), c: result('skipped', 'c') }),
    ).toEqual([]);
  });

  test('a fan-out that failed is undone when an item of it had completed', () => {
    const session = planOf(
      graphYaml({ a: [] }, { a: `forEach: { in: "[]" }, onFailure: compensate, ${undo}` }),
    );
    const steps = { a: { items: itemsOf('a', [1, 2]), result: ended('a', 'failed') } };
    const ids = (more: Record<string, StepView>) =>
      compensationsOf(viewOf(session, { ...steps, ...more })).map(({ planned }) => planned.id);
    expect(ids({ 'a.0': { ...claimed('a.0', 1), result: ended('a.0', 'failed') } })).toEqual([]);
    expect(ids({ 'a.0': { ...claimed('a.0', 1), result: completed('a.0') } })).toEqual(['a.compensate']);
  });
});

describe('a compensation', () => {
  const failed = { a: { result: completed('a') }, b: { result: completed('b') }, c: result('failed', 'c') };
  const claim = (stepId: string) => ({ stepId, attempt: 1, claimId: 'c1' });

  test('waits for its turn, also in a canceled or paused session and after its deadline, within its own time', () => {
    const view = viewOf(saga, failed);
    view.control = cancelRecord();
    view.pause = { ...cancelRecord(), action: 'pause' };
    const late = Date.parse(saga.deadlineAt) + 1;
    expect(decideStep(view, claim('b.compensate'), late)).toEqual({ do: 'run' });
    expect(decideStep(view, claim('a.compensate'), late)).toMatchObject({
      do: 'wait',
      for: ['b.compensate'],
    });
    const tooLate = late + (saga.compensationSeconds ?? 0) * 1000;
    expect(decideStep(view, claim('b.compensate'), tooLate)).toMatchObject({
      do: 'finish',
      error: { code: 'DEADLINE_EXCEEDED' },
    });
  });

  test('of a step that need not be undone stands down', () => {
    expect(decideStep(viewOf(saga, failed), claim('x.compensate'), T0).do).toBe('stand-down');
    const fine = {
      a: { result: completed('a') },
      b: { result: completed('b') },
      c: { result: completed('c') },
    };
    expect(decideStep(viewOf(saga, fine), claim('a.compensate'), T0).do).toBe('stand-down');
  });

  test('V10: the outcome waits for all of them, and tells how they ended', () => {
    expect(unfinishedSteps(saga, viewOf(saga, failed)).map(({ id }) => id)).toEqual([
      'b.compensate',
      'a.compensate',
    ]);
    expect(buildOutcome(viewOf(saga, failed), T0)).toBeUndefined();
    const undone = {
      ...failed,
      'b.compensate': result('failed', 'b.compensate'),
      'a.compensate': { result: completed('a.compensate') },
    };
    expect(buildOutcome(viewOf(saga, undone), T0)).toMatchObject({
      state: 'failed',
      compensation: {
        state: 'failed',
        steps: [{ id: 'b.compensate', state: 'failed' }, { id: 'a.compensate' }],
      },
      task: { metadata: { compensation: 'failed' } },
    });
  });
});
