import { markerTopicOf, silentLogger, type Link, type MessageHandler } from '@shoal/mqtt-link';
import { sessionTopics, type AttemptRecord, type StepResult } from '@shoal/protocol';
import { graphYaml, planOf, T0 } from '@shoal/workflow/testing';
import { expect, test, vi } from 'vitest';
import { SessionStore } from './session-store.ts';

const session = planOf(graphYaml({ a: [] }));
const topics = sessionTopics(session);
const { attempt: attemptTopic, result: resultTopic } = topics.step('a');
const { sessionId } = session;
const at = new Date(T0).toISOString();

const MARKER = markerTopicOf('o/u/supervisor');

/** A store on a link whose publishes are acknowledged at once, and whose echoes come when the test says so. */
async function open() {
  const handlers = new Map<string, MessageHandler>();
  const deliver = (topic: string, payload: string | Uint8Array): void => {
    const bytes = Buffer.from(payload);
    const handler = handlers.get(topic) ?? handlers.get(`shoal/v1/o/u/session/#`);
    const retain = topic !== MARKER && topic.startsWith(MARKER.slice(0, -1));
    void handler?.({ topic, payload: bytes, retain, text: () => bytes.toString() } as never);
  };
  let refuses = false;
  let retainedCount = 0;
  const link = {
    clientId: 'o/u/supervisor',
    state: 'online',
    get retainedCount() {
      return retainedCount;
    },
    on: () => () => undefined,
    subscribe: (filter: string, handler: MessageHandler) => {
      handlers.set(filter, handler);
      // A retained marker of `retainedArrived`.
      if (filter !== MARKER && filter.startsWith(MARKER.slice(0, -1))) {
        retainedCount += 1;
        deliver(filter, 'marker');
      }
      return Promise.resolve({ close: () => Promise.resolve() });
    },
    publish: (topic: string, payload: string) => {
      if (topic === MARKER) deliver(topic, payload);
      return refuses ? Promise.reject(new Error('lost')) : Promise.resolve({});
    },
  } as unknown as Link;
  const claims: string[] = [];
  let losses = 0;
  const store = new SessionStore(link, {
    org: 'o',
    unit: 'u',
    logger: silentLogger,
    now: () => T0,
    onRecord: () => undefined,
    onLoss: () => void (losses += 1),
    onClaim: (claimId) => claims.push(claimId),
  });
  await store.open();
  await store.write(session, topics.session, session);
  let changed = 0;
  const watch = store.watch(session, { onChange: () => void (changed += 1), onEnd: () => undefined })!;
  const refuse = (): void => void (refuses = true);
  const changes = (): number => changed;
  const lost = (): number => losses;
  return {
    store,
    watch,
    deliver,
    claims,
    refuse,
    changes,
    lost,
    step: () => store.get(sessionId)?.steps.get('a'),
  };
}

function claimOf(claimId: string): AttemptRecord {
  return { schemaVersion: 1, sessionId, stepId: 'a', attempt: 1, claimId, supervisorId: 's', at };
}

function resultOf(output: string): StepResult {
  return {
    schemaVersion: 1,
    sessionId,
    stepId: 'a',
    attempt: 1,
    claimId: 'c',
    state: 'completed',
    output,
    at,
  };
}

test('rule 4: a claim of its own counts from its echo on, and another that came before it is the first', async () => {
  const { store, deliver, claims, step } = await open();
  const mine = claimOf('mine');
  await store.claim(session, attemptTopic, mine);
  expect(step()?.attempt).toBeUndefined();
  deliver(attemptTopic, JSON.stringify(claimOf('theirs')));
  deliver(attemptTopic, JSON.stringify(mine));
  expect(claims).toEqual(['theirs', 'mine']);
  expect(step()).toMatchObject({ firstClaimId: 'theirs', attempt: { claimId: 'mine' } });
});

test('the echo of a record of this process is not read again', async () => {
  const { store, watch, deliver, step } = await open();
  const mine = claimOf('mine');
  await store.claim(session, attemptTopic, mine);
  deliver(attemptTopic, JSON.stringify(mine));
  expect(step()?.attempt).toBe(mine);
  const result = resultOf('x');
  watch.expect(resultTopic, Buffer.from(JSON.stringify(result)), result);
  expect(step()?.result).toBeUndefined();
  deliver(resultTopic, JSON.stringify(result));
  expect(step()?.result).toBe(result);
  expect(watch.view.steps.get('a')?.result).toBe(result);
});

test('what somebody else wrote there is read, and what was expected is forgotten', async () => {
  const { watch, deliver, step } = await open();
  const result = resultOf('mine');
  watch.expect(resultTopic, Buffer.from(JSON.stringify(result)), result);
  deliver(resultTopic, JSON.stringify(resultOf('theirs')));
  expect(step()?.result).toEqual(resultOf('theirs'));
  deliver(resultTopic, JSON.stringify(result));
  expect(step()?.result).toEqual(result);
  expect(step()?.result).not.toBe(result);
});

test('a record that is acknowledged over a fenced connection is in the view, and its echo changes nothing', async () => {
  const { watch, deliver, changes, step } = await open();
  const result = resultOf('mine');
  watch.expect(resultTopic, Buffer.from(JSON.stringify(result)), result).written();
  expect(step()?.result).toBe(result);
  expect(watch.view.steps.get('a')?.result).toBe(result);
  expect(changes()).toBe(1);
  deliver(resultTopic, JSON.stringify(result));
  expect(step()?.result).toBe(result);
  expect(changes()).toBe(1);
});

test('while the records are read anew, what was acknowledged is in the view that watchers keep, and in the new one when the broker says so', async () => {
  const { store, watch, deliver, step } = await open();
  const before = watch.view;
  const result = resultOf('mine');
  const expected = watch.expect(resultTopic, Buffer.from(JSON.stringify(result)), result);
  store.restart();
  expected.written();
  expect(watch.view).toBe(before);
  expect(watch.view.steps.get('a')?.result).toBe(result);
  expect(step()).toBeUndefined();
  deliver(topics.session, JSON.stringify(session));
  deliver(resultTopic, JSON.stringify(result));
  await store.sync();
  expect(watch.view).not.toBe(before);
  expect(watch.view.steps.get('a')?.result).toEqual(result);
});

test('what could not be published is forgotten', async () => {
  const { store, watch, deliver, refuse, step } = await open();
  const result = resultOf('mine');
  watch.expect(resultTopic, Buffer.from(JSON.stringify(result)), result).failed();
  deliver(resultTopic, JSON.stringify(result));
  expect(step()?.result).not.toBe(result);
  refuse();
  const claim = claimOf('mine');
  await expect(store.claim(session, attemptTopic, claim)).rejects.toThrow('lost');
  deliver(attemptTopic, JSON.stringify(claim));
  expect(step()?.attempt).toEqual(claim);
  expect(step()?.attempt).not.toBe(claim);
});

test('records that a broker sends a moment late after a reconnect are not taken for lost; what does not come is', async () => {
  vi.useFakeTimers();
  try {
    const { store, deliver, lost } = await open();
    store.restart();
    const late = store.sync();
    await vi.advanceTimersByTimeAsync(500);
    deliver(topics.session, JSON.stringify(session));
    await vi.advanceTimersByTimeAsync(1_000);
    await late;
    expect(lost()).toBe(0);
    store.restart();
    const never = store.sync();
    await vi.advanceTimersByTimeAsync(1_000);
    await never;
    expect(lost()).toBe(1);
  } finally {
    vi.useRealTimers();
  }
});
