import type { PlannedStep } from '@shoal/protocol';
import { describe, expect, test } from 'vitest';
import {
  claimed,
  completed,
  ended,
  graphYaml,
  itemsOf,
  planOf,
  statusOf,
  T0,
  viewOf,
} from '../testing/index.ts';
import { decideStep } from './decide-step.ts';
import { fanOutOf, waveEnds } from './fan-out.ts';
import { unfinishedSteps } from './outcome.ts';
import type { SessionView, StepView } from './view.ts';

function viewWith(forEach: string, items: number, steps: Record<string, StepView> = {}): SessionView {
  const session = planOf(graphYaml({ a: [] }, { a: `forEach: { in: "[]", ${forEach} }` }));
  const all = Array.from({ length: items }, (_, i) => i);
  return viewOf(session, { a: { ...claimed('a', 1), items: itemsOf('a', all) }, ...steps });
}

const step = (view: SessionView) => view.session?.steps[0] as PlannedStep;
const done = (index: number, at?: string): StepView => ({
  ...claimed(`a.${index}`, 1),
  result: completed(`a.${index}`, index, at === undefined ? {} : { at }),
});
const broken = (index: number): StepView => ({
  ...claimed(`a.${index}`, 1),
  result: ended(`a.${index}`, 'failed'),
});
const next = (view: SessionView, now = T0) => fanOutOf(view, step(view), now)?.next;

describe('which items may begin', () => {
  test('so many as the limit leaves room for, in order', () => {
    expect(next(viewWith('concurrency: 2', 5))).toEqual([0, 1]);
    expect(next(viewWith('concurrency: 2', 5, { 'a.0': claimed('a.0', 1) }))).toEqual([1]);
    expect(next(viewWith('concurrency: 2', 5, { 'a.0': done(0), 'a.1': claimed('a.1', 1) }))).toEqual([2]);
  });

  test('none of a wave before the one before has ended, and its pause is over', () => {
    const view = (steps: Record<string, StepView>) =>
      viewWith('waves: [1, 2], wavePauseSeconds: 5', 5, steps);
    expect(next(view({}))).toEqual([0]);
    expect(next(view({ 'a.0': claimed('a.0', 1) }))).toEqual([]);
    const first = view({ 'a.0': done(0) });
    expect(fanOutOf(first, step(first), T0 + 4999)).toMatchObject({ next: [], wakeAtMs: T0 + 5000 });
    expect(next(first, T0 + 5000)).toEqual([1, 2]);
  });

  test('none after more failures than the budget allows; those at work are waited for', () => {
    const view = viewWith('failureBudget: "20%"', 5, {
      'a.0': broken(0),
      'a.1': broken(1),
      'a.2': claimed('a.2', 1),
    });
    expect(fanOutOf(view, step(view), T0)).toMatchObject({
      budget: 1,
      exceeded: true,
      over: false,
      next: [],
    });
    const later = viewWith('failureBudget: "20%"', 5, { 'a.0': broken(0), 'a.1': broken(1), 'a.2': done(2) });
    expect(decideStep(later, { stepId: 'a', attempt: 1, claimId: 'c1' }, T0)).toMatchObject({
      do: 'finish',
      state: 'failed',
      error: { code: 'FAILURE_BUDGET_EXCEEDED', details: { completed: 1, failed: 2, skipped: 2 } },
    });
  });
});

test.each([
  [[1, 2], 5, [1, 3, 5]],
  [['10%', '50%'], 10, [1, 6, 10]],
  [['10%'], 3, [1, 3]],
  [[7], 3, [3]],
  [undefined, 0, []],
  [['1%'], 0, [0]],
])('waves %j of %i items end at %j', (waves, total, ends) => {
  expect(waveEnds(waves === undefined ? {} : { waves: waves }, total)).toEqual(ends);
});

describe('the step that fans out', () => {
  const claim = { stepId: 'a', attempt: 1, claimId: 'c1' };

  test('pins its items, parks, and ends with a ledger', () => {
    const view = viewWith('concurrency: 2', 2);
    const { items: _, ...unpinned } = view.steps.get('a') ?? {};
    expect(decideStep(viewOf(view.session, { a: unpinned }), claim, T0)).toEqual({ do: 'expand' });
    expect(decideStep(view, claim, T0).do).toBe('park');
    const over = viewWith('concurrency: 2', 2, { 'a.0': done(0), 'a.1': done(1) });
    expect(decideStep(over, claim, T0)).toMatchObject({
      do: 'finish',
      state: 'completed',
      output: { total: 2 },
    });
  });

  test('no items are a completed step', () => {
    expect(decideStep(viewWith('concurrency: 2', 0), claim, T0)).toMatchObject({ state: 'completed' });
  });

  test('an item that begins when its step has ended does nothing, and the outcome waits until it says so', () => {
    const view = viewWith('concurrency: 2', 2, { 'a.0': claimed('a.0', 1) });
    view.steps.set('a', { ...view.steps.get('a'), result: ended('a', 'failed') });
    expect(unfinishedSteps(view.session!, view).map(({ id }) => id)).toEqual(['a.0']);
    expect(decideStep(view, { stepId: 'a.0', attempt: 1, claimId: 'c1' }, T0)).toMatchObject({
      do: 'finish',
      state: 'canceled',
      error: { code: 'FAN_OUT_ENDED' },
    });
  });

  test.each(['a.2', 'a.x', 'a.-1', 'b.0', 'a.0.0'])('%s is no item of it', (stepId) => {
    expect(decideStep(viewWith('concurrency: 2', 2), { ...claim, stepId }, T0).do).toBe('stand-down');
  });

  test('rule 7: an item that finds the intent of another ends as unknown', () => {
    const intent = {
      schemaVersion: 1,
      sessionId: 's',
      stepId: 'a.0',
      attempt: 1,
      claimId: 'old',
      at: '',
    } as never;
    const view = viewWith('concurrency: 2', 2, { 'a.0': { ...claimed('a.0', 2), intent } });
    expect(decideStep(view, { stepId: 'a.0', attempt: 2, claimId: 'c2' }, T0)).toMatchObject({
      state: 'unknown',
    });
  });

  test('a lost item is no result', () => {
    const view = viewWith('concurrency: 1', 2, {
      'a.0': { ...claimed('a.0', 1), status: statusOf('a.0', 1, 'lost') },
    });
    expect(fanOutOf(view, step(view), T0)).toMatchObject({ running: 1, next: [] });
  });
});
