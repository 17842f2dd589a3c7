import { describe, expect, test } from 'vitest';
import {
  attemptOf,
  cancelRecord,
  claimed,
  completed,
  ended,
  graphYaml,
  intentOf,
  planOf,
  SESSION_ID,
  statusOf,
  T0,
  viewOf,
} from '../testing/index.ts';
import { decideFailure } from './decide-failure.ts';
import { decideStep } from './decide-step.ts';
import { buildOutcome, taskOf } from './outcome.ts';
import { applyRecord, isClosed } from './view.ts';

const chain = planOf(graphYaml({ a: [], b: ['a'], c: ['b'] }));
const claim = (stepId: string, attempt = 1, claimId = `c${attempt}`) => ({ stepId, attempt, claimId });
const errorCode = (decision: ReturnType<typeof decideStep>) =>
  decision.do === 'finish' ? decision.error?.code : undefined;

describe('an instance', () => {
  test('runs when nothing is needed', () => {
    expect(decideStep(viewOf(chain, { a: claimed('a', 1) }), claim('a'), T0)).toEqual({ do: 'run' });
  });

  test('waits for its needs, until the deadline of the session', () => {
    expect(decideStep(viewOf(chain), claim('b'), T0)).toEqual({
      do: 'wait',
      for: ['a'],
      untilMs: Date.parse(chain.deadlineAt),
    });
  });

  test('leaves when the session is gone', () => {
    expect(decideStep(viewOf(undefined), claim('a'), T0).do).toBe('stand-down');
  });

  test('V3: leaves when a higher attempt was claimed, whatever else is there', () => {
    const view = viewOf(chain, { a: { ...claimed('a', 2), intent: intentOf('a', 1) } });
    expect(decideStep(view, claim('a', 1), T0)).toMatchObject({ do: 'stand-down' });
  });

  test('V3: never computes a result again that exists', () => {
    expect(decideStep(viewOf(chain, { a: { result: completed('a') } }), claim('a', 2), T0)).toMatchObject({
      do: 'stand-down',
    });
  });

  test('V1: a second claim for the same attempt does not unseat the first', () => {
    const view = viewOf(chain, { a: { attempt: attemptOf('a', 1, 'other'), firstClaimId: 'c1' } });
    expect(decideStep(view, claim('a', 1), T0)).toEqual({ do: 'run' });
  });

  test('V5: ends as unknown when another attempt announced an effect and left no result', () => {
    const view = viewOf(chain, { a: { ...claimed('a', 2), intent: intentOf('a', 1) } });
    expect(decideStep(view, claim('a', 2), T0)).toMatchObject({
      do: 'finish',
      state: 'unknown',
      error: { code: 'EFFECT_UNKNOWN' },
    });
  });

  test('V5: its own intent is no obstacle', () => {
    const view = viewOf(chain, { a: { ...claimed('a', 1), intent: intentOf('a', 1) } });
    expect(decideStep(view, claim('a', 1), T0)).toEqual({ do: 'run' });
  });

  test('ends as canceled, waiting or about to run; an unknown effect stays unknown', () => {
    const view = { ...viewOf(chain), control: cancelRecord() };
    expect(decideStep(view, claim('a'), T0)).toMatchObject({ do: 'finish', state: 'canceled' });
    expect(decideStep(view, claim('b'), T0)).toMatchObject({ do: 'finish', state: 'canceled' });
    view.steps.set('a', { intent: intentOf('a', 1) });
    expect(decideStep(view, claim('a', 2), T0)).toMatchObject({ do: 'finish', state: 'unknown' });
  });

  test('ends as failed at the deadline', () => {
    expect(errorCode(decideStep(viewOf(chain), claim('b'), Date.parse(chain.deadlineAt)))).toBe(
      'DEADLINE_EXCEEDED',
    );
  });

  test('is skipped when a need failed, and says which', () => {
    const view = viewOf(chain, { a: { result: ended('a', 'failed', 'BROKEN') } });
    expect(decideStep(view, claim('b'), T0)).toMatchObject({
      do: 'finish',
      state: 'skipped',
      error: { code: 'UPSTREAM_FAILED', message: 'step a is failed (BROKEN); 0 of 1 needs are met' },
    });
  });

  test('a condition that is false skips, one that cannot be evaluated fails', () => {
    const plan = (when: string) => planOf(graphYaml({ a: [], b: ['a'] }, { b: `when: '${when}'` }));
    const records = { a: { result: completed('a', { n: 1 }) } };
    expect(decideStep(viewOf(plan('steps.a.output.n > 0'), records), claim('b'), T0)).toEqual({ do: 'run' });
    expect(errorCode(decideStep(viewOf(plan('steps.a.output.n > 1'), records), claim('b'), T0))).toBe(
      'CONDITION_FALSE',
    );
    expect(decideStep(viewOf(plan('steps.a.output.m > 1'), records), claim('b'), T0)).toMatchObject({
      do: 'finish',
      state: 'failed',
      error: { code: 'EXPRESSION' },
    });
  });
});

describe('joins', () => {
  const fan = (extra: string) => planOf(graphYaml({ a: [], b: [], c: [], j: ['a', 'b', 'c'] }, { j: extra }));
  const ok = { result: completed('x') };
  const bad = { result: ended('x', 'failed') };

  test.each([
    ['join: all', { a: ok, b: ok }, 'wait'],
    ['join: all', { a: bad, b: ok }, 'wait'],
    ['join: all', { a: bad, b: ok, c: ok }, 'finish'],
    ['join: all', { a: ok, b: ok, c: ok }, 'run'],
    ['join: any', { a: ok }, 'run'],
    ['join: any', { a: bad, b: bad }, 'wait'],
    ['join: any', { a: bad, b: bad, c: bad }, 'finish'],
    ['join: { atLeast: 2 }', { a: ok }, 'wait'],
    ['join: { atLeast: 2 }', { a: ok, c: ok }, 'run'],
    ['join: { atLeast: 2 }', { a: ok, b: bad, c: bad }, 'finish'],
  ])('%s with %o: %s', (extra, records, what) => {
    expect(decideStep(viewOf(fan(extra), records), claim('j'), T0).do).toBe(what);
  });
});

describe('the closer', () => {
  const results = {
    a: { result: completed('a') },
    b: { result: completed('b') },
    c: { result: completed('c') },
  };

  test('V7: with a result and no outcome it skips the work and closes', () => {
    expect(decideStep(viewOf(chain, results), claim('c', 2), T0)).toEqual({ do: 'close' });
  });

  test('V7: with an outcome and no done it still closes: somebody may wait for a reply', () => {
    const view = viewOf(chain, results);
    const outcome = buildOutcome(view, T0);
    expect(decideStep({ ...view, ...(outcome === undefined ? {} : { outcome }) }, claim('c', 2), T0)).toEqual(
      { do: 'close' },
    );
  });

  test('leaves when it is done', () => {
    const view = viewOf(chain, { ...results, c: { ...results.c, status: statusOf('c', 1, 'done') } });
    const outcome = buildOutcome(view, T0);
    if (outcome !== undefined) view.outcome = outcome;
    expect(isClosed(view)).toBe(true);
    expect(decideStep(view, claim('c', 2), T0).do).toBe('stand-down');
  });

  test('V10: there is no outcome before every step has a result, terminal or not', () => {
    expect(buildOutcome(viewOf(chain, { a: results.a, c: results.c }), T0)).toBeUndefined();
  });
});

describe('the outcome', () => {
  const outcomeOf = (yaml: string, steps: Parameters<typeof viewOf>[1]) =>
    buildOutcome(viewOf(planOf(yaml), steps), T0);
  const two = graphYaml({ a: [], b: ['a'] });
  const both = (a: ReturnType<typeof ended>, b = ended('b', 'skipped')) => ({
    a: { result: a },
    b: { result: b },
  });

  test('carries the output of the terminal steps and the artifacts of all', () => {
    const artifact = { artifactId: 'report', parts: [{ text: 'x' }] };
    const outcome = outcomeOf(two, {
      a: { result: completed('a', 1, { artifacts: [artifact] }) },
      b: { result: completed('b', { ok: true }) },
    });
    expect(outcome).toMatchObject({
      state: 'completed',
      task: { status: { state: 'TASK_STATE_COMPLETED' } },
    });
    expect(outcome?.task.artifacts).toEqual([
      artifact,
      { artifactId: 'b', name: 'b', parts: [{ data: { ok: true } }] },
    ]);
  });

  test('is failed by a failed step, and names it', () => {
    const outcome = outcomeOf(two, both(ended('a', 'failed', 'BROKEN')));
    expect(outcome).toMatchObject({ state: 'failed', task: { status: { state: 'TASK_STATE_FAILED' } } });
    expect(JSON.stringify(outcome?.task.status.message)).toContain('step a failed: BROKEN');
  });

  test('an unknown effect is told apart from a failure, also when the session was canceled', () => {
    expect(outcomeOf(two, both(ended('a', 'unknown'), ended('b', 'canceled')))?.state).toBe('unknown');
  });

  test('is canceled when a step was', () => {
    expect(outcomeOf(two, both(ended('a', 'canceled')))).toMatchObject({
      state: 'canceled',
      task: { status: { state: 'TASK_STATE_CANCELED' } },
    });
  });

  test.each([
    ['fail', 'failed'],
    ['skip', 'completed'],
    ['continue', 'completed'],
  ])('a failed step with onFailure %s leaves the session %s', (policy, state) => {
    expect(
      outcomeOf(graphYaml({ a: [], b: ['a'] }, { a: `onFailure: ${policy}` }), both(ended('a', 'failed')))
        ?.state,
    ).toBe(state);
  });

  test('C1: a failed branch of a diamond is never forgotten because the other one completed', () => {
    const diamond = graphYaml({ a: [], b: ['a'], c: ['a'], d: ['b', 'c'] });
    const outcome = outcomeOf(diamond, {
      a: { result: completed('a') },
      b: { result: ended('b', 'failed') },
      c: { result: completed('c') },
      d: { result: ended('d', 'skipped', 'UPSTREAM_FAILED') },
    });
    expect(outcome?.state).toBe('failed');
  });

  test('is the same whoever closes and whenever, but for the time', () => {
    const steps = both(ended('a', 'failed'));
    const strip = (value: unknown) =>
      JSON.stringify(value, (key, v: unknown) => (key === 'at' || key === 'timestamp' ? undefined : v));
    expect(strip(buildOutcome(viewOf(planOf(two), steps), T0 + 9999))).toBe(strip(outcomeOf(two, steps)));
  });

  test('before it exists the task says where the session stands', () => {
    expect(taskOf(viewOf(chain))?.status.state).toBe('TASK_STATE_SUBMITTED');
    expect(taskOf(viewOf(chain, { a: { status: statusOf('a', 1, 'running') } }))?.status.state).toBe(
      'TASK_STATE_WORKING',
    );
  });
});

describe('the fold', () => {
  const topic = (rest: string) => `shoal/v1/o/u/session/${SESSION_ID}/${rest}`;

  test('V1: of two claims for one attempt the first in topic order is remembered', () => {
    const view = viewOf(chain);
    applyRecord(view, topic('step/a/attempt'), JSON.stringify(attemptOf('a', 1, 'first')));
    applyRecord(view, topic('step/a/attempt'), JSON.stringify(attemptOf('a', 1, 'second')));
    expect(view.steps.get('a')?.firstClaimId).toBe('first');
    applyRecord(view, topic('step/a/attempt'), JSON.stringify(attemptOf('a', 2, 'third')));
    expect(view.steps.get('a')?.firstClaimId).toBe('third');
  });

  test('V1: a claim that comes too late is refused, and what should stand there is handed back', () => {
    const view = viewOf(chain, { a: claimed('a', 3) });
    const applied = applyRecord(view, topic('step/a/attempt'), JSON.stringify(attemptOf('a', 2)));
    expect(applied).toMatchObject({ applied: false, repair: { attempt: 3 } });
    expect(view.steps.get('a')?.attempt?.attempt).toBe(3);
  });

  test.each([
    ['outcome', '{'],
    ['outcome', '[]'],
    ['step/a/status', '{"schemaVersion":1}'],
    ['step/a/result', JSON.stringify({ ...completed('b') })],
    ['step/a/attempt', JSON.stringify(attemptOf('b', 1))],
    ['caller/x', 'null'],
    ['no/such/topic', '{}'],
  ])('S17: a rogue record at %s (%s) is refused with a reason', (rest, payload) => {
    const view = viewOf(chain);
    const applied = applyRecord(view, topic(rest), payload);
    expect(applied.applied).toBe(false);
    expect('reason' in applied && applied.reason.length > 5).toBe(true);
  });

  test('an empty payload removes the record', () => {
    const view = viewOf(chain, { a: { result: completed('a') } });
    applyRecord(view, topic('step/a/result'), '');
    expect(view.steps.get('a')?.result).toBeUndefined();
  });
});

describe('a failure', () => {
  const step = chain.steps[0]!;
  const failure = {
    error: { code: 'X', message: 'm', retryable: true },
    deliberate: true,
    afterIntent: false,
  };

  test('is tried again while attempts are left, with a pause that doubles', () => {
    expect(decideFailure(step, 1, failure)).toEqual({ do: 'retry', delayMs: 1000 });
    expect(decideFailure(step, 2, failure)).toEqual({ do: 'retry', delayMs: 2000 });
    expect(decideFailure(step, 3, failure)).toMatchObject({
      do: 'finish',
      state: 'failed',
      error: { code: 'ATTEMPTS_EXHAUSTED' },
    });
  });

  test('that is not retryable ends the step at once, as itself', () => {
    const error = { code: 'X', message: 'm' };
    expect(decideFailure(step, 1, { ...failure, error })).toEqual({ do: 'finish', state: 'failed', error });
  });

  test('V5: after an intent it is never tried again, and it is unknown unless the step itself says otherwise', () => {
    expect(decideFailure(step, 1, { ...failure, afterIntent: true })).toMatchObject({
      do: 'finish',
      state: 'failed',
    });
    expect(decideFailure(step, 1, { ...failure, afterIntent: true, deliberate: false })).toMatchObject({
      do: 'finish',
      state: 'unknown',
    });
  });
});
