import * as fc from 'fast-check';
import { buildOutcome, type SessionView } from '@shoal/workflow';
import {
  attemptOf,
  cancelRecord,
  claimed,
  completed,
  ended,
  graphYaml,
  planOf,
  statusOf,
  T0,
  viewOf,
} from '@shoal/workflow/testing';
import { describe, expect, test } from 'vitest';
import { freshMemory, probeAnswered, probeMissed, probeSent, remember, type StepMemory } from './memory.ts';
import { DEFAULT_POLICY } from './policy.ts';
import { reconcile, type Action, type Own } from './reconcile.ts';

const policy = DEFAULT_POLICY;
const chain = planOf(graphYaml({ a: [], b: ['a'] }));
const single = planOf(graphYaml({ a: [] }));
const mine: Own = { request: true, child: () => false, dead: () => false };

function actionsOf(
  view: SessionView,
  memory: ReadonlyMap<string, StepMemory> = new Map(),
  now = T0,
  own = mine,
): readonly Action[] {
  return reconcile(view, memory, policy, now, own).actions;
}

/** Looks, does nothing about it, and looks again later. */
function later(view: SessionView, ms: number, own = mine) {
  const first = reconcile(view, new Map(), policy, T0, own);
  return reconcile(view, first.memory, policy, T0 + ms, own);
}

/** Memory of a suspect that missed so many probes. */
function missed(view: SessionView, stepId: string, misses: number, sinceMs = T0): Map<string, StepMemory> {
  const seen = reconcile(view, new Map(), policy, sinceMs, mine).memory.get(stepId);
  let memory = seen ?? freshMemory('', sinceMs);
  for (let i = 0; i < misses; i += 1) memory = probeMissed(probeSent(memory, sinceMs));
  return new Map([[stepId, memory]]);
}

const lost = (attempt = 1) =>
  viewOf(single, { a: { ...claimed('a', attempt), status: statusOf('a', attempt, 'lost') } });

describe('a new session', () => {
  test('every step is claimed at once by the supervisor that took the request', () => {
    expect(actionsOf(viewOf(chain))).toEqual([
      { do: 'claim', stepId: 'a', attempt: 1 },
      { do: 'claim', stepId: 'b', attempt: 1 },
    ]);
  });

  test('another supervisor leaves it alone for a while, and then adopts it', () => {
    const own = { ...mine, request: false };
    expect(later(viewOf(single), 0, own)).toMatchObject({ actions: [], wakeAtMs: T0 + policy.adoptMs });
    expect(later(viewOf(single), policy.adoptMs, own).actions).toEqual([
      { do: 'claim', stepId: 'a', attempt: 1 },
    ]);
  });

  test('S18: without spawning ahead a step is claimed when its needs have ended', () => {
    const ready = (steps: Parameters<typeof viewOf>[1]) =>
      reconcile(viewOf(chain, steps), new Map(), { ...policy, spawnAhead: false }, T0, mine).actions;
    expect(ready({})).toEqual([{ do: 'claim', stepId: 'a', attempt: 1 }]);
    expect(ready({ a: { result: completed('a') } })).toEqual([{ do: 'claim', stepId: 'b', attempt: 1 }]);
  });

  test('records without a plan are nothing to act on', () => {
    expect(actionsOf(viewOf(undefined, { a: claimed('a', 1) }))).toEqual([]);
  });
});

describe('a step that writes over a shared connection', () => {
  const shares = (attempt: number) => {
    const records = claimed('a', attempt);
    return viewOf(single, { a: { ...records, attempt: { ...records.attempt!, writerId: 'w' } } });
  };
  const gone: Own = { ...mine, writerLost: (writerId) => writerId === 'w' };

  test('is respawned at once when that is gone, which is a fact', () => {
    expect(actionsOf(shares(1), new Map(), T0, gone)).toEqual([{ do: 'claim', stepId: 'a', attempt: 2 }]);
    expect(actionsOf(shares(1))).toEqual([]);
  });

  test('is left alone while its process says that it lives: it may have a connection of its own by now', () => {
    expect(actionsOf(shares(1), new Map(), T0, { ...gone, child: () => true })).toEqual([]);
  });

  test('a later attempt has a connection of its own, whatever became of the first', () => {
    expect(actionsOf(shares(2), new Map(), T0, gone)).toEqual([]);
  });

  test('once it has said where it stands it has one of its own', () => {
    const view = shares(1);
    view.steps.get('a')!.status = statusOf('a', 1, 'running');
    expect(actionsOf(view, new Map(), T0, gone)).toEqual([]);
  });
});

describe('a claimed step', () => {
  test('V1: is not claimed again for the same attempt', () => {
    expect(actionsOf(viewOf(single, { a: claimed('a', 1) }))).toEqual([]);
  });

  test('V1: a Will of an attempt that was evicted is old news', () => {
    const view = viewOf(single, { a: { ...claimed('a', 2), status: statusOf('a', 1, 'lost') } });
    expect(later(view, policy.suspicionMs + 1).actions).toEqual([]);
  });

  test('V4: with no status after its grace it is probed, and after two misses its successor is claimed', () => {
    const view = viewOf(single, { a: claimed('a', 1) });
    expect(later(view, policy.startGraceMs - 1).actions).toEqual([]);
    expect(later(view, policy.startGraceMs).actions).toEqual([{ do: 'probe', stepId: 'a', attempt: 1 }]);
    expect(actionsOf(view, missed(view, 'a', 2), T0 + policy.startGraceMs)).toEqual([
      { do: 'claim', stepId: 'a', attempt: 2 },
    ]);
  });

  test('is given more time when its process is known to live', () => {
    const view = viewOf(single, { a: claimed('a', 1) });
    expect(later(view, policy.startGraceMs, { ...mine, child: () => true }).actions).toEqual([]);
  });

  test('V4: running and saying nothing, it is probed now and then: a broker that restarts sends no Wills', () => {
    const view = viewOf(single, { a: { ...claimed('a', 1), status: statusOf('a', 1, 'running') } });
    expect(later(view, policy.livenessMs - 1).actions).toEqual([]);
    expect(later(view, policy.livenessMs).actions).toEqual([{ do: 'probe', stepId: 'a', attempt: 1 }]);
  });
});

describe('a lost step', () => {
  test('V2: is suspected, not dead: first a pause, then a probe', () => {
    expect(later(lost(), 0)).toMatchObject({ actions: [], wakeAtMs: T0 + policy.suspicionMs });
    expect(later(lost(), policy.suspicionMs).actions).toEqual([{ do: 'probe', stepId: 'a', attempt: 1 }]);
  });

  test('V2: one miss is not enough', () => {
    const now = T0 + policy.suspicionMs;
    expect(actionsOf(lost(), missed(lost(), 'a', 1), now)).toEqual([]);
    expect(actionsOf(lost(), missed(lost(), 'a', 1), now + policy.probeGapMs)).toEqual([
      { do: 'probe', stepId: 'a', attempt: 1 },
    ]);
  });

  test('V2: an answered probe acquits it', () => {
    const memory = missed(lost(), 'a', 1);
    const acquitted = new Map([['a', probeAnswered(memory.get('a') ?? freshMemory('', T0), T0 + 500)]]);
    expect(actionsOf(lost(), acquitted, T0 + 600)).toEqual([]);
  });

  test('two misses: the next attempt, at once the first time, after a pause that grows later, less its jitter', () => {
    const at = (attempt: number, ms: number) =>
      actionsOf(lost(attempt), missed(lost(attempt), 'a', 2), T0 + ms);
    expect(at(1, policy.suspicionMs)).toEqual([{ do: 'claim', stepId: 'a', attempt: 2 }]);
    expect(at(2, 799)).toEqual([]);
    expect(at(2, 1000)).toEqual([{ do: 'claim', stepId: 'a', attempt: 3 }]);
  });

  test('V8, S4: after the last attempt nothing is spawned; a supervisor ends the step', () => {
    const [action] = actionsOf(lost(3), missed(lost(3), 'a', 2), T0 + 60_000);
    expect(action).toMatchObject({
      do: 'claim',
      attempt: 4,
      standIn: { state: 'failed', error: { code: 'ATTEMPTS_EXHAUSTED' } },
    });
  });

  test('a canceled one needs no process to say so', () => {
    const view = { ...lost(), control: cancelRecord() };
    expect(actionsOf(view, missed(view, 'a', 2), T0 + 1000)).toMatchObject([
      { do: 'claim', attempt: 2, standIn: { state: 'canceled' } },
    ]);
  });

  test('V1: whose successor was claimed meanwhile starts a suspicion of its own', () => {
    const memory = missed(lost(), 'a', 2);
    expect(actionsOf(viewOf(single, { a: claimed('a', 2) }), memory, T0 + 1000)).toEqual([]);
  });

  test('a process that this supervisor saw die needs no probe', () => {
    const view = viewOf(single, { a: claimed('a', 1) });
    const seen = reconcile(view, new Map(), policy, T0, mine).memory.get('a') ?? freshMemory('', T0);
    expect(actionsOf(view, new Map([['a', { ...seen, dead: true }]]))).toEqual([
      { do: 'claim', stepId: 'a', attempt: 2 },
    ]);
    expect(remember({ ...seen, dead: true }, '1:lost:c1', T0).dead).toBe(true);
    expect(remember({ ...seen, dead: true }, '2::', T0).dead).toBeUndefined();
  });

  test('a process that died while the records could not be read needs none either', () => {
    const view = viewOf(single, { a: claimed('a', 1) });
    const claimId = view.steps.get('a')?.attempt?.claimId;
    expect(actionsOf(view, new Map(), T0, { ...mine, dead: (id) => id === claimId })).toEqual([
      { do: 'claim', stepId: 'a', attempt: 2 },
    ]);
  });
});

test('retrying: the next attempt when the instance asked for it, without a probe', () => {
  const retryAt = new Date(T0 + 2000).toISOString();
  const view = viewOf(single, {
    a: { ...claimed('a', 1), status: statusOf('a', 1, 'retrying', { retryAt }) },
  });
  expect(later(view, 1999).actions).toEqual([]);
  expect(later(view, 2000).actions).toEqual([{ do: 'claim', stepId: 'a', attempt: 2 }]);
});

test('retrying: a time that is far off is not believed', () => {
  const view = viewOf(single, {
    a: { ...claimed('a', 1), status: statusOf('a', 1, 'retrying', { retryAt: '2999-01-01T00:00:00Z' }) },
  });
  expect(later(view, 30_000).actions).toEqual([{ do: 'claim', stepId: 'a', attempt: 2 }]);
});

describe('the closer', () => {
  const results = { a: { ...claimed('a', 1), result: completed('a') } };

  test('V7: lost after its result, before the outcome, it is respawned', () => {
    const view = viewOf(single, { a: { ...results.a, status: statusOf('a', 1, 'lost') } });
    expect(actionsOf(view, missed(view, 'a', 2), T0 + 1000)).toEqual([
      { do: 'claim', stepId: 'a', attempt: 2 },
    ]);
  });

  test('V7: lost after the outcome, before done, it is respawned: a reply may be missing', () => {
    const view = viewOf(single, { a: { ...results.a, status: statusOf('a', 1, 'lost') } });
    const outcome = buildOutcome(view, T0);
    if (outcome !== undefined) view.outcome = outcome;
    expect(actionsOf(view, missed(view, 'a', 2), T0 + 1000)).toEqual([
      { do: 'claim', stepId: 'a', attempt: 2 },
    ]);
  });

  test('V8, V10: exhausted with its result written, it is not stood in for before the others have ended', () => {
    const two = planOf(graphYaml({ slow: [], a: [] }));
    const a = { ...claimed('a', 3), result: ended('a', 'failed'), status: statusOf('a', 3, 'lost') };
    const slow = { ...claimed('slow', 1), status: statusOf('slow', 1, 'running') };
    const open = viewOf(two, { a, slow });
    expect(actionsOf(open, missed(open, 'a', 2), T0 + 20_000)).toEqual([]);
    const over = viewOf(two, { a, slow: { result: completed('slow') } });
    expect(actionsOf(over, missed(over, 'a', 2), T0 + 20_000)).toMatchObject([
      { do: 'claim', stepId: 'a', attempt: 4 },
    ]);
  });

  test('done: nothing is left but the purge, and that neither before the retention nor before the deadline', () => {
    const purgedAt = (head: string, ms: number) => {
      const view = viewOf(planOf(graphYaml({ a: [] }, {}, head)), {
        a: { ...results.a, status: statusOf('a', 1, 'done') },
      });
      const outcome = buildOutcome(view, T0);
      if (outcome !== undefined) view.outcome = outcome;
      return actionsOf(view, new Map(), T0 + ms).length === 1;
    };
    const short = 'deadlineSeconds: 100\nretentionSeconds: 1';
    expect([99_999, 100_000].map((ms) => purgedAt(short, ms))).toEqual([false, true]);
    const long = 'deadlineSeconds: 100\nretentionSeconds: 200';
    expect([199_999, 200_000].map((ms) => purgedAt(long, ms))).toEqual([false, true]);
  });
});

test('V10: after the outcome no other step is touched', () => {
  const view = viewOf(chain, { a: { ...claimed('a', 1), status: statusOf('a', 1, 'lost') } });
  const done = viewOf(chain, { a: { result: completed('a') }, b: { result: completed('b') } });
  const outcome = buildOutcome(done, T0);
  if (outcome !== undefined) view.outcome = outcome;
  expect(
    actionsOf(view, missed(view, 'a', 2), T0 + 1000).some(
      (action) => 'stepId' in action && action.stepId === 'a',
    ),
  ).toBe(false);
});

describe('the deadline', () => {
  const overdue = Date.parse(single.deadlineAt) + policy.deadlineGraceMs;

  test('is left to the instances for a moment, then a supervisor ends every step that has no result', () => {
    const view = viewOf(chain, { a: { ...claimed('a', 1), status: statusOf('a', 1, 'running') } });
    expect(actionsOf(view, new Map(), overdue - 1).some((action) => 'standIn' in action)).toBe(false);
    expect(actionsOf(view, new Map(), overdue)).toMatchObject([
      { stepId: 'a', attempt: 2, standIn: { state: 'failed', error: { code: 'DEADLINE_EXCEEDED' } } },
      { stepId: 'b', attempt: 1, standIn: { state: 'failed' } },
    ]);
  });

  test('a stand-in that was just claimed is given its time', () => {
    const view = viewOf(single, { a: { attempt: attemptOf('a', 2, 'c2', overdue + 1) } });
    const first = reconcile(view, new Map(), policy, overdue + 2, mine);
    expect(first.actions).toEqual([]);
    expect(
      reconcile(view, first.memory, policy, overdue + 2 + policy.startGraceMs, mine).actions,
    ).toMatchObject([{ attempt: 3 }]);
  });
});

test('whatever the records say: it never throws, claims only the next attempt, and never a step that has its end', () => {
  const state = fc.constantFrom('waiting', 'running', 'retrying', 'done', 'lost') as fc.Arbitrary<'lost'>;
  const records = fc.record({
    attempt: fc.integer({ min: 0, max: 8 }),
    status: fc.option(state),
    result: fc.boolean(),
    misses: fc.nat(3),
  });
  fc.assert(
    fc.property(
      fc.array(records, { minLength: 2, maxLength: 2 }),
      fc.nat(10_000_000),
      fc.boolean(),
      (all, ms, canceled) => {
        const view = viewOf(chain);
        if (canceled) view.control = cancelRecord();
        const memory = new Map<string, StepMemory>();
        for (const [index, id] of ['a', 'b'].entries()) {
          const { attempt, status, result, misses } = all[index]!;
          view.steps.set(id, {
            ...(attempt > 0 ? claimed(id, attempt) : {}),
            ...(status === null ? {} : { status: statusOf(id, Math.max(1, attempt), status) }),
            ...(result ? { result: completed(id) } : {}),
          });
          for (const [step, seen] of missed(view, id, misses)) memory.set(step, seen);
        }
        for (const action of reconcile(view, memory, policy, T0 + ms, mine).actions) {
          if (!('attempt' in action)) continue;
          const step = view.steps.get(action.stepId);
          const current = step?.attempt?.attempt ?? 0;
          expect(action.attempt).toBe(action.do === 'claim' ? current + 1 : current);
          expect(step?.result !== undefined && action.stepId !== 'b').toBe(false);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('rule 4: a step that dies whatever is done is spawned at most as often as its plan says', () => {
  let now = T0;
  const view = viewOf(single);
  let memory: ReadonlyMap<string, StepMemory> = new Map();
  let spawns = 0;
  for (let turn = 0; turn < 500; turn += 1) {
    const next = reconcile(view, memory, policy, now, mine);
    memory = next.memory;
    for (const action of next.actions) {
      if (action.do === 'probe') {
        const seen = memory.get('a') ?? freshMemory('', now);
        memory = new Map([['a', probeMissed(probeSent(seen, now))]]);
      }
      if (action.do !== 'claim') continue;
      view.steps.set('a', claimed('a', action.attempt, `c${action.attempt}`, now));
      if (action.standIn === undefined) spawns += 1;
      else
        view.steps.set('a', {
          ...view.steps.get('a'),
          result: ended('a', 'failed'),
          status: statusOf('a', action.attempt, 'done'),
        });
      const outcome = buildOutcome(view, now);
      if (outcome !== undefined) view.outcome = outcome;
    }
    now += 500;
  }
  expect(spawns).toBe(3);
  expect(view.outcome?.state).toBe('failed');
});

test('rule 16: what a broker holds beyond its expiry is not taken up again, closed or open', () => {
  const expired = Date.parse(single.expiresAt) + 60_001;
  expect(actionsOf(viewOf(single), new Map(), expired)).toEqual([]);
  expect(actionsOf(viewOf(single), new Map(), expired - 60_001)).not.toEqual([]);
});
