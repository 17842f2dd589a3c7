import { sessionTopics, type SessionClaim, type SessionRecord } from '@shoal/protocol';
import { putRecord, type SessionView, type StepView } from '@shoal/workflow';
import { attemptOf, completed, graphYaml, planOf, statusOf, T0, viewOf } from '@shoal/workflow/testing';
import { describe, expect, test } from 'vitest';
import { DEFAULT_POLICY } from './policy.ts';
import { reconcile, type Own } from './reconcile.ts';

const policy = { ...DEFAULT_POLICY, spawnAhead: false };
const chain = planOf(graphYaml({ a: [], b: ['a'], c: ['b'] }));
const taker: Own = { request: true, sharesWriter: true, child: () => false, dead: () => false };
const other: Own = { request: false, sharesWriter: true, child: () => false, dead: () => false };
/** Of the supervisor whose claim stands. */
const holder: Own = { ...taker, standingClaim: 'together' };

function claimOf(claimId: string, steps = ['a', 'b', 'c']): SessionClaim {
  const { sessionId } = chain;
  const at = new Date(T0).toISOString();
  return { schemaVersion: 1, sessionId, claimId, supervisorId: 's0', writerId: `w-${claimId}`, steps, at };
}

function claimedTogether(steps: Record<string, StepView> = {}, session: SessionRecord = chain): SessionView {
  const view = viewOf(session, steps);
  putRecord(view, sessionTopics(session).claim, claimOf('together'));
  return view;
}

const actionsOf = (view: SessionView, own: Own, over = policy) =>
  reconcile(view, new Map(), over, T0, own).actions;

/** Looks, does nothing about it, and looks again later. */
function later(view: SessionView, ms: number, own: Own) {
  const first = reconcile(view, new Map(), policy, T0, own);
  return reconcile(view, first.memory, policy, T0 + ms, own);
}

describe('the first attempts of a session', () => {
  test('are claimed together by who took the request, where they can share a connection', () => {
    expect(actionsOf(viewOf(chain), taker)).toEqual([{ do: 'claim-together', steps: ['a', 'b', 'c'] }]);
    for (const own of [other, { ...taker, sharesWriter: false }])
      expect(actionsOf(viewOf(chain), own).map((action) => action.do)).not.toContain('claim-together');
    expect(actionsOf(viewOf(chain), taker, DEFAULT_POLICY)).toMatchObject([
      { do: 'claim' },
      { do: 'claim' },
      { do: 'claim' },
    ]);
  });

  test('are claimed one by one where one is claimed already, and where there is one alone', () => {
    expect(actionsOf(viewOf(chain, { a: { attempt: attemptOf('a', 1) } }), taker)).toEqual([]);
    expect(actionsOf(viewOf(planOf(graphYaml({ a: [] }))), taker)).toEqual([
      { do: 'claim', stepId: 'a', attempt: 1 },
    ]);
  });

  test('rules 5 and 7: what must not act twice is claimed alone, and so is what has one attempt', () => {
    const mixed = planOf(
      graphYaml(
        { a: [], b: ['a'], c: ['b'], d: ['c'] },
        { b: 'idempotent: false', c: 'retry: { maxAttempts: 1 }' },
      ),
    );
    expect(actionsOf(viewOf(mixed), taker)).toEqual([{ do: 'claim-together', steps: ['a', 'd'] }]);
  });

  test('are not claimed in a pause, nor of a session that was canceled', () => {
    const paused = viewOf(chain);
    const { sessionId } = chain;
    paused.pause = { schemaVersion: 1, sessionId, action: 'pause', at: new Date(T0).toISOString() };
    expect(actionsOf(paused, taker)).toEqual([]);
    const canceled = viewOf(chain);
    canceled.control = { ...paused.pause, action: 'cancel' };
    expect(actionsOf(canceled, taker)).toEqual([{ do: 'claim', stepId: 'a', attempt: 1 }]);
  });
});

describe('a step that was claimed with others', () => {
  test('begins when its needs have ended, once, and only where the claim stands', () => {
    expect(actionsOf(claimedTogether(), holder)).toEqual([{ do: 'begin', stepId: 'a' }]);
    const next = claimedTogether({ a: { result: completed('a') } });
    expect(actionsOf(next, holder)).toEqual([{ do: 'begin', stepId: 'b' }]);
    expect(actionsOf(next, { ...holder, begun: new Set(['b']) })).toEqual([]);
    expect(actionsOf(next, { ...holder, standingClaim: 'another' })).toEqual([]);
    expect(actionsOf(next, other)).toEqual([]);
  });

  test('is nobody’s suspect until it may begin, however long that takes', () => {
    const view = claimedTogether({ a: { status: statusOf('a', 1, 'running') } });
    const waiting = reconcile(view, new Map(), policy, T0, other).memory;
    const muchLater = T0 + 10 * policy.startGraceMs;
    const seen = reconcile(view, waiting, { ...policy, livenessMs: 1e9 }, muchLater, other);
    expect(seen.actions).toEqual([]);
    view.steps.get('a')!.result = completed('a');
    const ready = reconcile(view, seen.memory, policy, muchLater, other);
    expect(ready.actions).toEqual([]);
    const grace = muchLater + policy.startGraceMs;
    expect(reconcile(view, ready.memory, policy, grace, other).actions).toEqual([
      { do: 'probe', stepId: 'b', attempt: 1 },
    ]);
  });

  test('goes to its second attempt when the connection is lost: at once if it may begin, else then', () => {
    const gone: Own = { ...other, writerLost: (writerId) => writerId === 'w-together' };
    expect(actionsOf(claimedTogether(), gone)).toEqual([{ do: 'claim', stepId: 'a', attempt: 2 }]);
    expect(actionsOf(claimedTogether({ a: { result: completed('a') } }), gone)).toEqual([
      { do: 'claim', stepId: 'b', attempt: 2 },
    ]);
  });

  test('does not begin in a pause, and is not missed there', () => {
    const view = claimedTogether();
    const { sessionId } = chain;
    view.pause = { schemaVersion: 1, sessionId, action: 'pause', at: new Date(T0).toISOString() };
    for (const own of [holder, other]) expect(later(view, 10 * policy.startGraceMs, own).actions).toEqual([]);
  });

  test('rule 4: who was first says so again where a later claim stands in its place', () => {
    const view = claimedTogether();
    putRecord(view, sessionTopics(chain).claim, claimOf('late'));
    expect(actionsOf(view, holder)).toEqual([{ do: 'restate-claim' }, { do: 'begin', stepId: 'a' }]);
    expect(actionsOf(view, { ...taker, standingClaim: undefined })).toEqual([]);
  });

  test('begins also where a later claim to it alone stands at its own topic: that one lost', () => {
    const view = claimedTogether();
    putRecord(view, sessionTopics(chain).step('a').attempt, attemptOf('a', 1, 'late'));
    expect(actionsOf(view, holder)).toEqual([{ do: 'begin', stepId: 'a' }]);
    expect(actionsOf(view, other)).toEqual([]);
  });

  test('a claim to one step alone, seen first, keeps it out of the claim to many', () => {
    const view = claimedTogether({ a: { attempt: attemptOf('a', 1), firstClaimId: 'c1' } });
    expect(actionsOf(view, holder)).toEqual([]);
  });
});
