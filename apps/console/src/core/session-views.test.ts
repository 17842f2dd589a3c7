import {
  completed,
  graphYaml,
  planOf,
  statusOf,
  T0,
  viewOf,
  claimed,
  cancelRecord,
} from '@shoal/workflow/testing';
import { describe, expect, it } from 'vitest';
import { actionsFor, sessionRow, sessionState, sortRows } from './session-row.ts';
import { itemCards, stepCards } from './step-card.ts';
import { timelineOf } from './timeline.ts';

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
    expect(actionsFor('approval')).toEqual(['approve', 'deny', 'pause', 'cancel']);
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
