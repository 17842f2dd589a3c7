import { expect, test } from 'vitest';
import { covers, instanceAccess, scopeOf } from './instance-scope.ts';

const step = { kind: 'step', org: 'o', unit: 'u', sessionId: 's1', stepId: 'a' } as const;
const client = { clientId: 'o/u/s1.a', username: scopeOf(step).subject };
const agent = { clientId: 'o/u/pump', username: 'agent:pump' };

test('a filter covers what lies within it, and nothing that is wider', () => {
  expect(covers('a/#', 'a/b/c')).toBe(true);
  expect(covers('a/#', 'a')).toBe(true);
  expect(covers('a/+', 'a/b')).toBe(true);
  expect(covers('a/+', 'a/+')).toBe(true);
  expect(covers('a/+', 'a/#')).toBe(false);
  expect(covers('a/b', 'a/+')).toBe(false);
  expect(covers('a/b', 'a')).toBe(false);
  expect(covers('a', 'a/b')).toBe(false);
  expect(covers('a/+', 'a')).toBe(false);
});

test('an instance of a step reaches its session, its callers and the agents of its unit, and nothing else', () => {
  const may = (action: 'publish' | 'subscribe', topic: string) => instanceAccess(client, action, topic);
  for (const topic of [
    'shoal/v1/o/u/session/s1/step/a/result',
    'shoal/v1/o/u/session/s1/outcome',
    '$a2a/v1/request/o/u/pump',
    '$a2a/v1/request/o/u/pool/pumps',
    '$a2a/v1/reply/o/v/caller/1',
  ])
    expect([topic, may('publish', topic)]).toEqual([topic, true]);
  for (const topic of [
    'shoal/v1/o/u/session/s2/step/a/result',
    'shoal/v1/o/u/agent/pump/desired',
    'shoal/v1/o/u/agent/pump/state',
    'shoal/v1/o/u/host/h1/order',
    'shoal/v1/o/u/spawn',
    '$a2a/v1/discovery/o/u/pump',
    '$a2a/v1/request/o/v/pump',
    'shoal/v1/o/v/session/s1/outcome',
  ])
    expect([topic, may('publish', topic)]).toEqual([topic, false]);
  expect(may('subscribe', 'shoal/v1/o/u/session/s1/#')).toBe(true);
  expect(may('subscribe', 'shoal/v1/o/u/session/+/#')).toBe(false);
  expect(may('subscribe', '#')).toBe(false);
  expect(may('subscribe', '$a2a/v1/request/o/u/+')).toBe(false);
});

test('a long-lived agent writes its card, state and tasks, and says neither whether it is wanted nor what its device or a person says', () => {
  const may = (topic: string) => instanceAccess(agent, 'publish', topic);
  expect(may('$a2a/v1/discovery/o/u/pump')).toBe(true);
  expect(may('shoal/v1/o/u/agent/pump/state')).toBe(true);
  expect(may('shoal/v1/o/u/device/pump/command/c1')).toBe(true);
  for (const word of ['telemetry', 'approval/a1', 'command/c1/status'])
    expect([word, may(`shoal/v1/o/u/device/pump/${word}`)]).toEqual([word, false]);
  expect(may('shoal/v1/o/u/agent/pump/desired')).toBe(false);
  expect(may('shoal/v1/o/u/agent/pump/attempt')).toBe(false);
  expect(may('$a2a/v1/discovery/o/u/valve')).toBe(false);
  expect(may('shoal/v1/o/u/session/s1/outcome')).toBe(false);
});

test('who carries no issued credential is not judged here', () => {
  for (const username of [undefined, '', 'operator', 'step:', 'step:s1', 'step:s1/a/b', 'agent:x/y'])
    expect(instanceAccess({ clientId: 'o/u/x', username }, 'publish', 'x')).toBeUndefined();
});
