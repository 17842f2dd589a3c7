import { graphYaml, planOf, SESSION_ID, T0, viewOf } from '@shoal/workflow/testing';
import { expect, test } from 'vitest';
import { litterFromMs } from './litter.ts';

const HOUR = 3_600_000;

test('rule 16: records are litter a minute after their expiry, and an hour after they were first seen without a plan', () => {
  const plan = planOf(graphYaml({ a: [] }));
  expect(litterFromMs(viewOf(plan), T0)).toBe(Date.parse(plan.expiresAt) + 60_000);
  expect(litterFromMs(viewOf(undefined), T0 + 5)).toBe(T0 + 5 + HOUR);
});

test('the word that a session was purged outlives its plan by a week', () => {
  const purged = viewOf(undefined);
  purged.purge = { schemaVersion: 1, sessionId: SESSION_ID, action: 'purge', at: new Date(T0).toISOString() };
  expect(litterFromMs(purged, T0)).toBe(T0 + 7 * 24 * HOUR);
});
