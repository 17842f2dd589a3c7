import {
  completed,
  graphYaml,
  planOf,
  statusOf,
  T0,
  viewOf,
  claimed,
  cancelRecord,
  ended,
  itemsOf,
} from '@shoal/workflow/testing';
import { describe, expect, it } from 'vitest';
import { waitingApprovals } from './engine-rows.ts';
import { extendable, untilOf } from './more-time.ts';
import { hasFailedItems, runAgain } from './run-again.ts';
import { actionsFor, sessionRow, sessionState, sortRows } from './session-row.ts';
import { itemCards, stepCards } from './step-card.ts';
import { timelineOf } from './timeline.ts';

const at = (ms: number): string => new Date(ms).toISOString();
const PLAN = planOf(graphYaml({ a: [], b: ['a'], c: ['b'] }));
const APPROVAL = planOf(`
id: flow
description: A test.
steps:
  - { id: ask, use: { approval: { prompt: "Really?" } } }
`);

describe('a session as a person sees it', () => {
  it('has no row before its plan is there: a record that is left over says nothing', () => {
    expect(sessionRow(viewOf(undefined, { a: claimed('a', 1) }))).toBeUndefined();
  });

  it('counts steps that have ended, and says what is at work', () => {
    const view = viewOf(PLAN, {
      a: { result: completed('a') },
      b: { ...claimed('b', 1), status: statusOf('b', 1, 'running') },
    });
    expect(sessionRow(view)).toMatchObject({ state: 'running', ended: 1, steps: 3, note: 'b at work' });
  });

  it('says first that a step was lost', () => {
    const view = viewOf(PLAN, { a: { ...claimed('a', 1), status: statusOf('a', 1, 'lost') } });
    expect(sessionRow(view)?.note).toBe('a lost, being respawned');
  });

  it('does not take the death of an attempt that was replaced for news', () => {
    const view = viewOf(PLAN, { a: { ...claimed('a', 2), status: statusOf('a', 1, 'lost') } });
    expect(stepCards(view, T0)[0]).toMatchObject({ state: 'claimed', attempt: 2 });
  });

  it('asks, is paused, is being canceled: each has the actions that fit', () => {
    const asking = viewOf(APPROVAL, {
      ask: {
        approval: {
          schemaVersion: 1,
          sessionId: APPROVAL.sessionId,
          stepId: 'ask',
          attempt: 1,
          claimId: 'c1',
          prompt: 'Really?',
          at: APPROVAL.createdAt,
          expiresAt: APPROVAL.deadlineAt,
        },
      },
    });
    expect(sessionRow(asking)).toMatchObject({ state: 'approval', note: 'Really?' });
    expect(stepCards(asking, T0)[0]?.waits).toBe(`the word of a person, until ${APPROVAL.deadlineAt}`);
    expect(extendable(asking).map(({ label }) => label)).toEqual(['The whole session', 'Approval ask']);
    const later = [
      at(Date.parse(APPROVAL.deadlineAt) + 60_000),
      at(Date.parse(APPROVAL.deadlineAt) + 30_000),
    ];
    asking.extend = { ...cancelRecord(), action: 'extend', deadlineAt: later[0]!, steps: { ask: later[1]! } };
    expect(sessionRow(asking)).toMatchObject({
      deadlineMs: Date.parse(later[0]!),
      plannedDeadlineMs: Date.parse(APPROVAL.deadlineAt),
    });
    expect(stepCards(asking, T0)[0]?.waits).toBe(`the word of a person, until ${later[1]}`);
    expect(waitingApprovals([asking])).toMatchObject([{ expiresAt: later[1] }]);
    expect(extendable(asking).map(({ untilMs }) => untilMs)).toEqual(later.map((iso) => Date.parse(iso)));
    expect(actionsFor('approval')).toEqual(['approve', 'deny', 'pause', 'extend', 'cancel']);
    asking.control = cancelRecord();
    expect(sessionState(asking)).toBe('canceling');
    expect(actionsFor('canceling')).toEqual([]);
    expect(actionsFor('failed')).toEqual(['rerun', 'purge']);
  });

  it('comes before others when it waits for a person, then the newest first', () => {
    const row = sessionRow(viewOf(PLAN))!;
    const rows = sortRows([
      { ...row, sessionId: 'old', createdMs: 1 },
      { ...row, sessionId: 'new', createdMs: 3 },
      { ...row, sessionId: 'asks', createdMs: 2, state: 'approval' },
    ]);
    expect(rows.map(({ sessionId }) => sessionId)).toEqual(['asks', 'new', 'old']);
  });
});

describe('more time', () => {
  it('is for the session and what is open of it; what the plan times has no end of its own', () => {
    const view = viewOf(PLAN, { a: { result: completed('a') }, b: claimed('b', 1) });
    expect(extendable(view)).toEqual([
      { stepId: undefined, label: 'The whole session', untilMs: Date.parse(PLAN.deadlineAt) },
      { stepId: 'b', label: 'Step b', untilMs: undefined },
      { stepId: 'c', label: 'Step c', untilMs: undefined },
    ]);
    expect(extendable(viewOf(undefined))).toEqual([]);
  });

  it('is for a single item at work, which also has what its whole fan-out was given', () => {
    const plan = planOf(graphYaml({ each: [] }, { each: 'forEach: { in: \'["x", "y", "z"]\' }' }));
    const items = itemsOf('each', ['x', 'y', 'z']);
    const view = viewOf(plan, {
      each: { ...claimed('each', 1), items },
      'each.0': { result: completed('each.0') },
      'each.1': claimed('each.1', 1),
    });
    expect(extendable(view).map(({ stepId, label }) => [stepId, label])).toEqual([
      [undefined, 'The whole session'],
      ['each', 'Step each'],
      ['each.1', 'Item each.1: y'],
    ]);
    const [all, one] = [at(T0 + 60_000), at(T0 + 30_000)];
    view.extend = { ...cancelRecord(), action: 'extend', steps: { each: all, 'each.1': one } };
    expect(extendable(view).at(-1)).toMatchObject({ stepId: 'each.1', untilMs: T0 + 60_000 });
    view.control = cancelRecord();
    expect(extendable(view)).toEqual([]);
  });

  it('is counted from now, in minutes', () => {
    expect(untilOf('1.5', T0)).toBe(T0 + 90_000);
    for (const wrong of ['', '0', '-5', 'soon', 'Infinity'])
      expect(() => untilOf(wrong, T0)).toThrow(/Minutes must be a number above 0/);
  });
});

describe('running again', () => {
  const plan = planOf(
    graphYaml(
      { a: [], each: ['a'], b: ['each'], other: ['a'] },
      { each: 'idempotent: false, forEach: { in: \'["x", "y", "z"]\' }', b: 'idempotent: false' },
    ),
  );
  const view = viewOf(plan, {
    a: { result: completed('a') },
    other: { result: completed('other') },
    each: { ...claimed('each', 1), items: itemsOf('each', ['x', 'y', 'z']), result: ended('each', 'failed') },
    'each.0': { ...claimed('each.0', 1), result: completed('each.0') },
    'each.1': { ...claimed('each.1', 1), result: ended('each.1', 'unknown') },
    'each.2': { ...claimed('each.2', 1), result: ended('each.2', 'failed') },
    b: { result: ended('b', 'skipped') },
  });
  const cards = stepCards(view, T0);

  it('repeats what depends on the step and what did not complete, and names items that acted', () => {
    expect(runAgain(view, cards, 'each')).toEqual({ again: ['each', 'b'], acted: ['each.0', 'each.1'] });
    expect(runAgain(view, cards, 'other').again).toEqual(['each', 'b', 'other']);
  });

  it('spares items that completed, when asked to; there is a choice only where some did and some did not', () => {
    expect(runAgain(view, cards, 'each', 'failed').acted).toEqual(['each.1']);
    expect(cards.filter(hasFailedItems).map(({ id }) => id)).toEqual(['each']);
    const none = viewOf(plan, { each: { items: itemsOf('each', ['x']), result: ended('each', 'failed') } });
    expect(stepCards(none, T0).filter(hasFailedItems)).toEqual([]);
  });
});

describe('steps', () => {
  it('say what they wait for', () => {
    const view = viewOf(PLAN, {
      a: claimed('a', 1),
      b: { ...claimed('b', 1), status: statusOf('b', 1, 'waiting') },
    });
    expect(stepCards(view, T0).map(({ id, waits }) => [id, waits])).toEqual([
      ['a', undefined],
      ['b', 'a'],
      ['c', 'b'],
    ]);
    expect(stepCards(viewOf(PLAN), T0)[0]?.waits).toBe('a supervisor to claim it');
  });

  it('name the instance by its client id, and show the error of the last attempt', () => {
    const error = { code: 'STEP_THREW', message: 'no' };
    const view = viewOf(PLAN, { a: { ...claimed('a', 2), status: statusOf('a', 2, 'retrying', { error }) } });
    expect(stepCards(view, T0)[0]).toMatchObject({
      instance: `o/u/${PLAN.sessionId}.a`,
      error,
      state: 'retrying',
      attempt: 2,
    });
  });

  it('have no items before a fan-out has pinned them', () => {
    expect(itemCards(viewOf(PLAN), 'a', T0)).toEqual([]);
  });
});

describe('the timeline', () => {
  it('keeps every bar inside, also of a result that is older than the session', () => {
    const cards = stepCards(
      viewOf(PLAN, {
        a: { ...claimed('a', 1), result: { ...completed('a'), at: new Date(T0 - 50_000).toISOString() } },
        b: {
          ...claimed('b', 1, 'c1', T0 + 1_000),
          status: statusOf('b', 1, 'running', { at: new Date(T0 + 2_000).toISOString() }),
        },
      }),
      T0 + 4_000,
    );
    const { bars } = timelineOf(cards, T0, undefined, T0 + 4_000);
    expect(bars.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(bars[1]).toMatchObject({ claimed: 0.25, from: 0.5, to: 1, tookMs: 2_000, open: true });
    for (const { claimed, from, to } of bars) {
      expect(claimed).toBeGreaterThanOrEqual(0);
      expect(from).toBeGreaterThanOrEqual(claimed);
      expect(to).toBeLessThanOrEqual(1);
    }
  });
});
