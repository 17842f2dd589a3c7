import { describe, expect, test } from 'vitest';
import { EventQueue } from './event-queue.ts';
import { planFaults } from './fault-plan.ts';
import { INVARIANTS, type Observed } from './invariants.ts';
import { createRandom } from './random.ts';

describe('the queue of events', () => {
  test('hands events out by time, and those of one moment in the order in which they were planned', () => {
    const random = createRandom(1);
    const queue = new EventQueue();
    const planned = Array.from({ length: 500 }, (_, order) => ({ atMs: random.below(50), order }));
    for (const { atMs } of planned) queue.add(atMs, () => undefined);
    const taken = planned.map(() => queue.take()!);
    expect(taken.map(({ atMs }) => atMs)).toEqual(planned.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
    const outOfOrder = taken
      .slice(1)
      .filter((event, at) => event.atMs === taken[at]!.atMs && event.order < taken[at]!.order);
    expect(outOfOrder).toEqual([]);
    expect(queue.take()).toBeUndefined();
  });

  test('forgets what was canceled', () => {
    const queue = new EventQueue();
    const first = queue.add(1, () => undefined);
    const second = queue.add(2, () => undefined);
    first.canceled = true;
    expect(queue.take()).toBe(second);
  });
});

test('a plan of faults is decided by its seed alone', () => {
  const plans = Array.from({ length: 200 }, (_, seed) =>
    planFaults(createRandom(seed), { actsOnce: seed % 2 === 0, reruns: seed % 3 === 0 }),
  );
  expect(plans).toEqual(
    Array.from({ length: 200 }, (_, seed) =>
      planFaults(createRandom(seed), { actsOnce: seed % 2 === 0, reruns: seed % 3 === 0 }),
    ),
  );
  const losing = plans.flatMap(({ faults }, seed) =>
    faults.some((fault) => fault.kind === 'kill' && fault.losesDisk === true) ? [seed] : [],
  );
  expect(losing.length).toBeGreaterThan(0);
  // Without a disk a step that must not act twice can: DESIGN rule 17 asks for durable storage there.
  expect(losing.filter((seed) => seed % 2 === 0)).toEqual([]);
});

const told = { caller: 'caller-0', task: 'the task', end: 'the end' };
const fine: Observed = {
  scenario: { once: ['act'], manyEnds: false },
  diskLost: false,
  told: [told],
  callers: 1,
  contents: new Map([
    ['', ['plan']],
    ['outcome', ['completed']],
    ['step/act/result', ['completed']],
  ]),
  steps: { act: 'completed' },
  effects: [{ sessionId: 's-1', stepId: 'act', by: 'act#1' }],
  rerun: { sessionId: 's-1', again: ['act'] },
  spawns: 2,
  stepCount: 2,
  maxAttempts: 14,
  alive: [],
  leftBehind: [],
  occasions: {
    sessions: ['s-1', 's-2'],
    mayMissFirst: false,
    started: new Map([
      ['s-1', 1],
      ['s-2', 1],
    ]),
  },
};

/** For each invariant a run that breaks it. */
const BROKEN: Readonly<Record<string, Partial<Observed>>> = {
  a: { contents: new Map([['', ['plan']]]) },
  b: { told: [{ ...told, end: 'another end' }] },
  c: { contents: new Map([...fine.contents, ['step/act/result', ['completed', 'failed']]]) },
  d: { told: [told, { ...told, caller: 'caller-1', task: 'another task' }], callers: 2 },
  e: { alive: ['act#2'] },
  f: { spawns: 29 },
  g: { effects: [...fine.effects, { sessionId: 's-1', stepId: 'act', by: 'act#2' }] },
  h: { contents: new Map([...fine.contents, ['', ['plan', 'another plan']]]) },
  i: { leftBehind: ['step/act/attempt'] },
  k: { effects: [...fine.effects, { sessionId: 's-1', stepId: 'kept', by: 'kept#1' }] },
  j: { occasions: { sessions: ['s-1', 's-2'], mayMissFirst: true, started: new Map([['s-1', 1]]) } },
};

describe('invariants', () => {
  test('hold for a run in which nothing went wrong', () => {
    for (const { name, check } of INVARIANTS)
      expect([name, check(fine, { end: 'the end' })]).toEqual([name, undefined]);
  });

  test.each(INVARIANTS.map((invariant) => [invariant.name, invariant] as const))(
    'notices the breach: %s',
    (name, { check }) => {
      const broken = { ...fine, ...BROKEN[name.slice(0, 1)] };
      expect(check(broken, { end: 'the end' })).toEqual(expect.any(String));
    },
  );

  test('a clock that nobody had read yet may miss its first times, and no other; no occasion has two plans', () => {
    const { check } = INVARIANTS.find(({ name }) => name.startsWith('j:'))!;
    const seen = (mayMissFirst: boolean, ...started: readonly (readonly [string, number])[]) =>
      check(
        { ...fine, occasions: { sessions: ['s-1', 's-2'], mayMissFirst, started: new Map(started) } },
        { end: 'the end' },
      );
    expect(seen(true, ['s-2', 1])).toBeUndefined();
    expect(seen(false, ['s-2', 1])).toContain('s-1');
    expect(seen(true, ['s-1', 1], ['s-2', 2])).toContain('again');
    expect(seen(true, ['s-1', 1], ['s-2', 1], ['s-3', 1])).toContain('others');
  });

  test('take a typed unknown for an end of a step that must not act twice, and of no other', () => {
    const { check } = INVARIANTS.find(({ name }) => name.startsWith('b:'))!;
    const unknown = { ...fine, told: [{ ...told, end: 'unknown' }] };
    expect(check({ ...unknown, steps: { act: 'unknown' } }, { end: 'the end' })).toBeUndefined();
    expect(check({ ...unknown, steps: { a: 'unknown' } }, { end: 'the end' })).toContain('a');
  });

  test('two callers of whom one was not answered are noticed', () => {
    const { check } = INVARIANTS.find(({ name }) => name.startsWith('d:'))!;
    expect(check({ ...fine, callers: 2 }, { end: 'the end' })).toContain('1 of 2');
  });
});
