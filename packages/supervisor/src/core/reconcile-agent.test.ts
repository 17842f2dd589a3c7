import { T0 } from '@shoal/workflow/testing';
import { expect, test } from 'vitest';
import { freshMemory, probeMissed, probeSent, type StepMemory } from './memory.ts';
import { DEFAULT_POLICY as policy } from './policy.ts';
import { crashPauseMs, reconcileAgent, type AgentView } from './reconcile-agent.ts';

const desired = { schemaVersion: 1 as const, agentId: 'x', blueprint: 'b', state: 'running' as const };
const attempt = (quickDeaths = 0, at = T0) => ({
  schemaVersion: 1 as const,
  agentId: 'x',
  attempt: 1,
  claimId: 'c',
  supervisorId: 's',
  quickDeaths,
  at: new Date(at).toISOString(),
});
const view = (more: Partial<AgentView>): AgentView => ({
  desired,
  presence: 'absent',
  presenceSeq: 0,
  ...more,
});
const dead = (sinceMs = T0): StepMemory =>
  probeMissed(probeSent(probeMissed(probeSent(freshMemory('', sinceMs), sinceMs)), sinceMs));

test('an agent that is wanted and never was is probed first: somebody else may run it', () => {
  expect(reconcileAgent(view({}), freshMemory('', T0), policy, T0)).toEqual({ do: 'probe' });
  expect(reconcileAgent(view({}), dead(), policy, T0)).toEqual({ do: 'claim', attempt: 1, quickDeaths: 0 });
});

test('an agent that is to be stopped is left alone', () => {
  expect(reconcileAgent(view({ desired: { ...desired, state: 'stopped' } }), dead(), policy, T0)).toEqual({
    do: 'nothing',
  });
});

test('an agent that was claimed a moment ago is starting', () => {
  const starting = view({ attempt: attempt() });
  expect(reconcileAgent(starting, freshMemory('', T0), policy, T0 + 1000)).toEqual({
    do: 'sleep',
    untilMs: T0 + policy.startGraceMs,
  });
  expect(reconcileAgent(starting, freshMemory('', T0), policy, T0 + policy.startGraceMs)).toEqual({
    do: 'probe',
  });
});

test('rule 18: offline is a hint: a pause, then a probe; only silence counts', () => {
  const offline = view({ attempt: attempt(), presence: 'offline', presenceSeq: 2 });
  const seen = freshMemory('', T0 + 5000);
  expect(reconcileAgent(offline, seen, policy, T0 + 5000)).toEqual({
    do: 'sleep',
    untilMs: T0 + 5000 + policy.suspicionMs,
  });
  expect(reconcileAgent(offline, seen, policy, T0 + 5000 + policy.suspicionMs)).toEqual({ do: 'probe' });
  expect(reconcileAgent(offline, dead(T0 + 5000), policy, T0 + 6000)).toEqual({
    do: 'claim',
    attempt: 2,
    quickDeaths: 1,
  });
});

test('rule 18: online is a hint too: it is probed now and then', () => {
  const online = view({ attempt: attempt(), presence: 'online', presenceSeq: 1 });
  expect(reconcileAgent(online, freshMemory('', T0), policy, T0)).toEqual({
    do: 'sleep',
    untilMs: T0 + policy.livenessMs,
  });
  expect(reconcileAgent(online, freshMemory('', T0), policy, T0 + policy.livenessMs)).toEqual({
    do: 'probe',
  });
});

test('a crash loop is slowed down, to one start a minute at most', () => {
  expect([1, 2, 3, 4, 20].map(crashPauseMs)).toEqual([0, 1000, 2000, 4000, 60_000]);
  const looping = view({ attempt: attempt(3, T0), presence: 'offline', presenceSeq: 4 });
  expect(reconcileAgent(looping, dead(T0 + 100), policy, T0 + 1000)).toEqual({
    do: 'sleep',
    untilMs: T0 + 100 + 4000,
  });
  expect(reconcileAgent(looping, dead(T0 + 100), policy, T0 + 4100)).toMatchObject({
    do: 'claim',
    quickDeaths: 4,
  });
});

test('a long life ends the count', () => {
  const old = view({ attempt: attempt(5, T0), presence: 'offline', presenceSeq: 4 });
  const now = T0 + 3_600_000;
  expect(reconcileAgent(old, dead(now - 1000), policy, now)).toEqual({
    do: 'claim',
    attempt: 2,
    quickDeaths: 0,
  });
});
