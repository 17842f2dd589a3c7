import type { TriggerRecord } from '@shoal/protocol';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isNewer, onSample, type AlarmState } from './alarm.ts';

const T0 = Date.parse('2026-01-01T00:00:00Z');
const hot = { matches: true, clears: false };
const cool = { matches: false, clears: true };
const between = { matches: false, clears: false };

function record(state: TriggerRecord['state'], episode = 1, firedAtMs = T0): TriggerRecord {
  const firedAt = new Date(firedAtMs).toISOString();
  return {
    schemaVersion: 1,
    workflowId: 'w',
    triggerId: 't',
    key: 'k',
    episode,
    state,
    claimId: 'c',
    supervisorId: 's',
    firedAt,
    at: firedAt,
  };
}

describe('an alarm', () => {
  test('fires at the first message, or when the condition has held for so long', () => {
    expect(onSample({}, hot, { when: '' }, T0).do).toBe('fire');
    const first = onSample({}, hot, { when: '', forSeconds: 5 }, T0);
    expect(first).toEqual({ do: 'nothing', heldSinceMs: T0 });
    expect(onSample({ heldSinceMs: T0 }, hot, { when: '', forSeconds: 5 }, T0 + 4_999).do).toBe('nothing');
    expect(onSample({ heldSinceMs: T0 }, hot, { when: '', forSeconds: 5 }, T0 + 5_000).do).toBe('fire');
    expect(onSample({ heldSinceMs: T0 }, between, { when: '', forSeconds: 5 }, T0 + 1)).toEqual({
      do: 'nothing',
    });
  });

  test('is one however many messages say so, until it is clear, and then waits until it is cool', () => {
    const on: AlarmState = { record: record('fired') };
    expect(onSample(on, hot, { when: '' }, T0 + 1e9).do).toBe('nothing');
    expect(onSample(on, between, { when: '' }, T0 + 1e9).do).toBe('nothing');
    expect(onSample(on, cool, { when: '' }, T0 + 1).do).toBe('arm');
    const armed: AlarmState = { record: record('armed') };
    expect(onSample(armed, hot, { when: '', cooldownSeconds: 60 }, T0 + 59_999).do).toBe('nothing');
    expect(onSample(armed, hot, { when: '', cooldownSeconds: 60 }, T0 + 60_000).do).toBe('fire');
  });

  test('a storm of any messages in one cooldown is at most one run', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(hot, cool, between), { maxLength: 500 }), (samples) => {
        let state: AlarmState = {};
        let runs = 0;
        for (const [index, sample] of samples.entries()) {
          const now = T0 + index * 100;
          const step = onSample(state, sample, { when: '' }, now);
          const episode = state.record?.episode ?? 0;
          if (step.do === 'fire') {
            runs += 1;
            state = { record: record('fired', episode + 1, now) };
          } else if (step.do === 'arm') {
            state = { record: { ...(state.record as TriggerRecord), state: 'armed' } };
          }
        }
        expect(runs).toBeLessThanOrEqual(1);
      }),
    );
  });
});

test('a record only steps forward: fired 1, armed 1, fired 2; of two claims of one alarm the first counts', () => {
  expect(isNewer(record('fired'), undefined)).toBe(true);
  expect(isNewer(record('armed'), record('fired'))).toBe(true);
  expect(isNewer(record('fired', 2), record('armed'))).toBe(true);
  expect(isNewer(record('armed'), record('fired', 2))).toBe(false);
  expect(isNewer({ ...record('fired'), claimId: 'other', at: '2027-01-01T00:00:00Z' }, record('fired'))).toBe(
    false,
  );
  expect(isNewer(record('armed', 0, T0 + 1), record('armed', 0))).toBe(true);
  expect(isNewer(record('armed', 0), record('armed', 0, T0 + 1))).toBe(false);
});
