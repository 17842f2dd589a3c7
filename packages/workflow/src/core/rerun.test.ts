import { expect, test } from 'vitest';
import { completed, ended, graphYaml, planOf, requestMessage, T0, viewOf } from '../testing/index.ts';
import { buildOutcome } from './outcome.ts';
import { recordsOf } from './records-of.ts';
import { planRerun } from './rerun.ts';
import { hasValidHash } from './seal-plan.ts';
import { applyRecord, emptyView, type SessionView, type StepView } from './view.ts';

const ID = '5a8f4f1f-2a01-4a0b-9d0e-3f0c2f7e7a63';
const session = planOf(graphYaml({ a: [], b: ['a'], c: ['b'], d: [] }, { c: 'idempotent: false' }));
const input = {
  sessionId: ID,
  contextId: 'ctx',
  message: { ...requestMessage(), messageId: 'again' },
  now: T0,
};

function over(steps: Record<string, StepView>): SessionView {
  const view = viewOf(session, steps);
  view.outcome = buildOutcome(view, T0) as never;
  return view;
}

const failedRun = over({
  a: { result: completed('a', 1) },
  b: { result: ended('b', 'failed') },
  c: { result: ended('c', 'skipped', 'UPSTREAM_FAILED') },
  d: { result: completed('d', 4) },
});

test('takes over what completed and does not depend on the step; the rest runs again', () => {
  const plan = planRerun(failedRun, { ...input, from: 'b' });
  expect(hasValidHash(plan)).toBe(true);
  expect(plan.rerun?.results.map(({ stepId, reusedFrom }) => [stepId, reusedFrom])).toEqual([
    ['a', session.sessionId],
    ['d', session.sessionId],
  ]);
  expect(plan).toMatchObject({
    sessionId: ID,
    steps: session.steps,
    request: { messageId: 'again', taskId: ID },
  });
});

test('what failed elsewhere runs again too, and what waits for it', () => {
  expect(planRerun(failedRun, { ...input, from: 'd' }).rerun?.results.map(({ stepId }) => stepId)).toEqual([
    'a',
  ]);
});

test('an effect is repeated only when that is asked for', () => {
  const acted = over({
    a: { result: completed('a') },
    b: { result: completed('b') },
    c: { result: completed('c') },
    d: { result: completed('d') },
  });
  expect(() => planRerun(acted, { ...input, from: 'b' })).toThrow(/c would act again/);
  expect(planRerun(acted, { ...input, from: 'b', repeatEffects: true }).rerun?.results).toHaveLength(2);
  expect(planRerun(acted, { ...input, from: 'd' }).rerun?.results).toHaveLength(3);
});

test.each([
  ['a session that runs', viewOf(session), 'b', /has not ended/],
  ['a step that is none', failedRun, 'x', /"x" is no step/],
])('%s is refused', (_, view, from, reason) => {
  expect(() => planRerun(view, { ...input, from })).toThrow(reason);
});

test('the results are in the view of the new session, are no records of their own, and go with its plan', () => {
  const plan = planRerun(failedRun, { ...input, from: 'b' });
  const view = emptyView({ org: 'o', unit: 'u', sessionId: ID });
  const topic = `shoal/v1/o/u/session/${ID}`;
  expect(applyRecord(view, topic, JSON.stringify(plan))).toEqual({ applied: true });
  expect(view.steps.get('a')?.result?.output).toBe(1);
  expect(recordsOf(view).map(([one]) => one)).toEqual([topic]);
  applyRecord(view, topic, '');
  expect(view.steps.get('a')?.result).toBeUndefined();
});
