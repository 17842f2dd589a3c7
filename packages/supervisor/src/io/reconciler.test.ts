import { silentLogger } from '@shoal/mqtt-link';
import { sessionTopics, type AttemptRecord, type SessionClaim, type StepStatus } from '@shoal/protocol';
import { putRecord } from '@shoal/workflow';
import { attemptOf, graphYaml, planOf, statusOf, T0, viewOf } from '@shoal/workflow/testing';
import { expect, test } from 'vitest';
import { DEFAULT_POLICY } from '../core/policy.ts';
import { Reconciler, type ReconcilerOptions } from './reconciler.ts';

const WRITER = 'writer-1';

/** A session whose first attempt wrote over a connection that it shared, and what is done about its end. */
function setting(status: StepStatus | undefined, evict: (writerId: string) => Promise<void>) {
  const session = planOf(graphYaml({ a: [] }));
  const attempt: AttemptRecord = { ...attemptOf('a', 1), writerId: WRITER };
  const view = viewOf(session, {
    a: { attempt, firstClaimId: 'c1', ...(status === undefined ? {} : { status }) },
  });
  const claims: AttemptRecord[] = [];
  const happened: string[] = [];
  const options = {
    supervisorId: 's2',
    policy: { ...DEFAULT_POLICY, suspicionMs: 0, probeGapMs: 0, missesToDeath: 1 },
    spawner: {
      running: 0,
      capacity: 10,
      sharesWriter: true,
      spawn: (order: { attempt: number }) => {
        happened.push(`spawned ${order.attempt}`);
        return Promise.resolve();
      },
    },
    claims: {
      claim: async (contest: { publish: (claimId: string) => Promise<void> }) => {
        await contest.publish('c2');
        return 'c2';
      },
    },
    prober: { probe: () => Promise.resolve({ is: 'silent' }) },
    gate: { take: () => 0 },
    room: { enter: () => true, leave: () => undefined },
    placements: {},
    owns: () => true,
    viewOf: () => view,
    writeClaim: (_: unknown, __: string, record: AttemptRecord) => {
      claims.push(record);
      Object.assign(view.steps.get('a')!, { attempt: record, firstClaimId: record.claimId });
      return Promise.resolve();
    },
    fresh: () => Promise.resolve(),
    writers: {
      current: undefined,
      isLost: () => true,
      lend: () => () => undefined,
      evict: (writerId: string) => {
        happened.push(`evicts ${writerId}`);
        return evict(writerId);
      },
    },
    isCurrent: () => true,
    logger: silentLogger,
    now: () => T0,
    random: () => 0,
  };
  const reconciler = new Reconciler(options as unknown as ReconcilerOptions);
  return { reconciler, options, session, view, claims, happened };
}

test('rule 5: the next attempt starts when nothing more can come over what the one before it wrote over', async () => {
  let evicted: () => void = () => undefined;
  const { reconciler, session, claims, happened } = setting(
    undefined,
    () => new Promise((resolve) => (evicted = resolve)),
  );
  reconciler.look(session.sessionId);
  await expect.poll(() => happened).toEqual([`evicts ${WRITER}`]);
  expect(claims).toMatchObject([{ attempt: 2, writerId: WRITER }]);
  evicted();
  await expect.poll(() => happened).toEqual([`evicts ${WRITER}`, 'spawned 2']);
  reconciler.stop();
});

test('rule 5: where that connection cannot be ended, nothing starts', async () => {
  const { reconciler, session, happened } = setting(undefined, () => {
    reconciler.stop();
    return Promise.reject(new Error('the broker is away'));
  });
  reconciler.look(session.sessionId);
  await expect.poll(() => happened).toEqual([`evicts ${WRITER}`]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(happened).toEqual([`evicts ${WRITER}`]);
});

test('rule 5: a Will does not say that the attempt has left the shared connection; its own word does', async () => {
  for (const [state, ends] of [
    ['lost', [`evicts ${WRITER}`, 'spawned 2']],
    ['retrying', ['spawned 2']],
  ] as const) {
    const { reconciler, session, claims, happened } = setting(statusOf('a', 1, state), () =>
      Promise.resolve(),
    );
    reconciler.look(session.sessionId);
    await expect.poll(() => happened).toEqual(ends);
    expect(claims[0]?.writerId).toBe(state === 'lost' ? WRITER : undefined);
    reconciler.stop();
  }
});

test('rule 5: a claim to several steps may hide behind a later one to this step alone: both connections are ended', async () => {
  const { reconciler, session, view, happened } = setting(undefined, () => Promise.resolve());
  const { sessionId } = session;
  const at = new Date(T0).toISOString();
  const claim: SessionClaim = {
    schemaVersion: 1,
    sessionId,
    claimId: 'many',
    supervisorId: 's1',
    writerId: 'writer-of-many',
    steps: ['a'],
    at,
  };
  putRecord(view, sessionTopics(session).claim, claim);
  reconciler.look(sessionId);
  await expect.poll(() => happened).toEqual([`evicts ${WRITER}`, 'evicts writer-of-many', 'spawned 2']);
  reconciler.stop();
});

test('a broker that drops a claim to several steps and says nothing gets one for each step', async () => {
  const { options } = setting(undefined, () => Promise.resolve());
  const session = planOf(graphYaml({ a: [], b: ['a'] }));
  const view = viewOf(session);
  const written: string[] = [];
  const reconciler = new Reconciler({
    ...options,
    policy: { ...options.policy, spawnAhead: false },
    viewOf: () => view,
    writers: { ...options.writers, current: { writerId: WRITER } },
    writeClaim: (_: unknown, topic: string) => Promise.resolve(void written.push(topic)),
    claims: {
      claim: async (contest: { publish: (claimId: string) => Promise<void> }) => {
        await contest.publish('c');
        return undefined;
      },
    },
  } as unknown as ReconcilerOptions);
  reconciler.hold(session.sessionId);
  reconciler.release(session.sessionId);
  const topics = sessionTopics(session);
  await expect.poll(() => written.slice(0, 2)).toEqual([topics.claim, topics.step('a').attempt]);
  reconciler.stop();
  expect(written).not.toContain(topics.step('b').attempt);
});
