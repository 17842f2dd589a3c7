import type { ControlRecord } from '@shoal/protocol';
import { describe, expect, test } from 'vitest';
import { claimed, graphYaml, itemsOf, planOf, SESSION_ID, T0, viewOf } from '../testing/index.ts';
import { deadlineOf, findStep, lastActMs, stepExtendedMs } from './active-step.ts';
import { approvalExpiresAt } from './approval.ts';
import { decideStep } from './decide-step.ts';
import { assertExtends } from './extension.ts';
import { isoTime } from './time.ts';
import { applyRecord, type SessionView, type StepView } from './view.ts';

const HOUR = 3_600_000;
/** An hour of deadline and an hour of retention. */
const session = planOf(
  graphYaml(
    { a: [], ask: [], each: [] },
    {
      a: 'compensate: { use: { blueprint: work } }',
      ask: 'timeoutSeconds: 60',
      each: 'forEach: { in: "[]" }',
    },
    'compensationSeconds: 600',
  ).replace(
    '{ id: ask, use: { blueprint: work }',
    '{ id: ask, use: { approval: { prompt: "So?", expirySeconds: 60 } }',
  ),
);

function view(extend: Partial<ControlRecord> = {}, steps: Record<string, StepView> = {}): SessionView {
  const made = viewOf(session, steps);
  const record = { schemaVersion: 1, sessionId: SESSION_ID, action: 'extend', at: isoTime(T0), ...extend };
  const topic = `shoal/v1/o/u/session/${SESSION_ID}/control/extend`;
  if (Object.keys(extend).length > 0) applyRecord(made, topic, JSON.stringify(record));
  return made;
}

const asked: StepView = {
  ...claimed('ask', 1),
  approval: {
    schemaVersion: 1,
    sessionId: SESSION_ID,
    stepId: 'ask',
    attempt: 1,
    claimId: 'c1',
    prompt: 'So?',
    at: isoTime(T0),
    expiresAt: isoTime(T0 + 60_000),
  },
};
const decide = (from: SessionView, stepId: string, now: number) =>
  decideStep(from, { stepId, attempt: 1, claimId: 'c1' }, now);

describe('more time', () => {
  test('a session goes on past its planned deadline, and ends at the later one', () => {
    const longer = view({ deadlineAt: isoTime(T0 + HOUR + 60_000) }, { a: claimed('a', 1) });
    expect(decide(view({}, { a: claimed('a', 1) }), 'a', T0 + HOUR)).toMatchObject({ do: 'finish' });
    expect(decide(longer, 'a', T0 + HOUR)).toEqual({ do: 'run' });
    expect(decide(longer, 'a', T0 + HOUR + 60_000)).toMatchObject({
      do: 'finish',
      error: { code: 'DEADLINE_EXCEEDED' },
    });
    expect(lastActMs(session, longer.extend)).toBe(T0 + HOUR + 660_000);
  });

  test('a record never shortens, and never leads beyond the life of the records', () => {
    expect(deadlineOf(session, view({ deadlineAt: isoTime(T0) }).extend)).toBe(T0 + HOUR);
    const far = view({ deadlineAt: isoTime(T0 + 99 * HOUR) }).extend;
    expect(deadlineOf(session, far, 'compensation')).toBe(Date.parse(session.expiresAt));
  });

  test('an approval may be given until then, and its question says so', () => {
    const longer = view({ steps: { ask: isoTime(T0 + 120_000) } }, { ask: asked });
    expect(decide(longer, 'ask', T0 + 60_000)).toEqual({ do: 'park', untilMs: T0 + 120_000 });
    expect(decide(longer, 'ask', T0 + 120_000)).toMatchObject({ error: { code: 'APPROVAL_EXPIRED' } });
    expect(approvalExpiresAt(longer, 'ask')).toBe(isoTime(T0 + 120_000));
    expect(approvalExpiresAt(view({}, { ask: asked }), 'ask')).toBe(isoTime(T0 + 60_000));
  });

  test('what a fan-out is given, each of its items has', () => {
    const longer = view(
      { steps: { each: isoTime(T0 + 5), 'each.1': isoTime(T0 + 9) } },
      { each: { items: itemsOf('each', ['x', 'y']) } },
    );
    const until = (id: string) => stepExtendedMs(longer.extend, findStep(longer, id)!);
    expect([until('each.0'), until('each.1'), until('a')]).toEqual([T0 + 5, T0 + 9, 0]);
  });
});

test.each([
  ['the past', { untilMs: T0 }, /into the future/],
  ['less than there is', { untilMs: T0 + HOUR }, /has until .* already/],
  ['more than the records last', { untilMs: T0 + 2 * HOUR }, /too late: the records .* retentionSeconds/],
  ['a step that is none', { untilMs: T0 + 60_001, stepId: 'b' }, /"b" is no step: there are/],
  ['an approval that is open longer', { untilMs: T0 + 60_000, stepId: 'ask' }, /"ask" has until .* already/],
  ['a step beyond its session', { untilMs: T0 + HOUR + 1, stepId: 'a' }, /extend it first/],
])('%s is refused', (_, extension, reason) => {
  expect(() => assertExtends(view({}, { ask: asked }), extension, T0)).toThrow(reason);
});

test('what lies between is granted', () => {
  expect(() => assertExtends(view(), { untilMs: T0 + HOUR + 1 }, T0)).not.toThrow();
  expect(() => assertExtends(view(), { untilMs: T0 + HOUR, stepId: 'a' }, T0)).not.toThrow();
});
