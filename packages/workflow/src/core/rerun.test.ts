import type { SessionRecord } from '@shoal/protocol';
import { describe, expect, test } from 'vitest';
import {
  claimed,
  completed,
  ended,
  graphYaml,
  itemsOf,
  planOf,
  requestMessage,
  T0,
  viewOf,
} from '../testing/index.ts';
import { fanOutEnd, fanOutOf } from './fan-out.ts';
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

const undone = (id: string): StepView => ({ ...claimed(id, 1), result: completed(id) });

test('what was undone runs again, whoever was named; so does what depends on it', () => {
  const undo = 'compensate: { use: { blueprint: work } }';
  const saga = planOf(
    graphYaml({ a: [], b: ['a'], c: ['b'], d: [] }, { a: undo, c: 'onFailure: compensate' }),
  );
  const view = viewOf(saga, {
    a: { result: completed('a') },
    b: { result: completed('b') },
    c: { result: ended('c', 'failed') },
    d: { result: completed('d') },
    'a.compensate': undone('a.compensate'),
  });
  view.outcome = buildOutcome(view, T0) as never;
  const again = planRerun(view, { ...input, from: 'c' });
  expect(again.rerun?.results.map(({ stepId }) => stepId)).toEqual(['d']);
});

test('of a fan-out that was undone no single item runs again', () => {
  const undo = 'compensate: { use: { blueprint: work } }';
  const saga = planOf(
    graphYaml(
      { each: [], z: ['each'] },
      { each: `forEach: { in: "[]" }, ${undo}`, z: 'onFailure: compensate' },
    ),
  );
  const view = viewOf(saga, {
    each: { items: itemsOf('each', [1, 2]), result: completed('each') },
    'each.0': { result: completed('each.0') },
    'each.1': { result: completed('each.1') },
    z: { result: ended('z', 'failed') },
    'each.compensate': undone('each.compensate'),
  });
  view.outcome = buildOutcome(view, T0) as never;
  expect(() => planRerun(view, { ...input, from: 'each', items: ['0'] })).toThrow(/"each" was undone/);
  expect(planRerun(view, { ...input, from: 'each' }).rerun?.results).toEqual([]);
});

describe('of a fan-out', () => {
  const fleet = planOf(
    graphYaml(
      { each: [], z: ['each'] },
      { each: 'forEach: { in: "[]", failureBudget: 0 }, idempotent: false' },
    ),
  );
  const devices = [{ agentId: 'p0' }, { agentId: 'p1' }, { agentId: 'p2' }];
  const run = (items: Record<string, StepView>): SessionView => {
    const view = viewOf(fleet, {
      each: { items: itemsOf('each', devices), result: ended('each', 'failed') },
      z: { result: ended('z', 'skipped', 'UPSTREAM_FAILED') },
      ...items,
    });
    view.outcome = buildOutcome(view, T0) as never;
    return view;
  };
  const twoFailed = run({
    'each.0': { result: completed('each.0', 'done') },
    'each.1': { result: ended('each.1', 'failed') },
  });
  const plan = (items: 'failed' | readonly string[], repeatEffects = false) =>
    planRerun(twoFailed, { ...input, from: 'each', items, repeatEffects });
  const viewOfPlan = (record: SessionRecord): SessionView => {
    const view = emptyView({ org: 'o', unit: 'u', sessionId: ID });
    applyRecord(view, `shoal/v1/o/u/session/${ID}`, JSON.stringify(record));
    return view;
  };
  const next = (view: SessionView) => fanOutOf(view, view.session!.steps[0]!, T0);

  test('only the items that did not complete run again, on the same items', () => {
    const view = viewOfPlan(plan('failed'));
    expect(view.steps.get('each')?.items?.items).toEqual(devices);
    expect(next(view)).toMatchObject({ next: [1, 2], completed: 1, failed: 0, over: false });
    expect(recordsOf(view)).toHaveLength(1);
  });

  test('a named item runs again, with those that never began; the failure of another is kept and keeps nobody waiting', () => {
    expect(() => plan(['p0'])).toThrow(/each.0 would act again/);
    const view = viewOfPlan(plan(['p0'], true));
    expect(next(view)).toMatchObject({ next: [0, 2], failed: 1, over: false });
    for (const id of ['each.0', 'each.2']) view.steps.set(id, { result: completed(id) });
    const fanOut = next(view)!;
    expect(fanOut).toMatchObject({ over: true, exceeded: true });
    expect(fanOutEnd(view, view.session!.steps[0]!, fanOut)).toMatchObject({ state: 'failed' });
    expect(next(viewOfPlan(plan(['1'])))).toMatchObject({ next: [1, 2] });
  });

  test('all of it runs again only when its items may act again', () => {
    expect(() => planRerun(twoFailed, { ...input, from: 'each' })).toThrow(/each.0 would act again/);
  });

  test('what names no item is refused', () => {
    expect(() => plan(['p7'])).toThrow(/"p7" is no item of "each".*\(0 to 2\)/);
    expect(() => planRerun(twoFailed, { ...input, from: 'z', items: 'failed' })).toThrow(/"z" has no items/);
    const allDone = run(
      Object.fromEntries(devices.map((_, i) => [`each.${i}`, { result: completed(`each.${i}`) }])),
    );
    expect(() => planRerun(allDone, { ...input, from: 'each', items: 'failed' })).toThrow(/every item/);
  });
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
