import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { validateSessionRecord } from '@shoal/protocol';
import { graphYaml, planOf, requestMessage, SESSION_ID, T0 } from '../testing/index.ts';
import { canonicalJson } from './canonical-json.ts';
import { ancestorsOf, closerOf, findCycle, topologicalOrder } from './graph.ts';
import { parseWorkflow } from './parse-workflow.ts';
import { planWorkflow } from './plan.ts';
import { hasValidHash } from './seal-plan.ts';

const diamond = graphYaml({ a: [], b: ['a'], c: ['a'], d: ['b', 'c'] });

test('a plan is a valid record, in topological order, with its closer', () => {
  const plan = planOf(graphYaml({ d: ['b', 'c'], b: ['a'], c: ['a'], a: [] }));
  expect(validateSessionRecord(plan)).toMatchObject({ ok: true });
  expect(plan.steps.map((step) => step.id)).toEqual(['a', 'b', 'c', 'd']);
  expect(plan.closer).toBe('d');
});

test('of two terminal steps the last in topological order closes', () => {
  expect(planOf(graphYaml({ a: [], z: ['a'], b: ['a'] })).closer).toBe('b');
});

test('two supervisors that accept one request at different moments agree on the hash', () => {
  const definition = parseWorkflow(diamond);
  const input = { org: 'o', unit: 'u', sessionId: SESSION_ID, contextId: 'c', message: requestMessage() };
  const [one, two] = [T0, T0 + 5000].map((now) => planWorkflow(definition, { ...input, now }));
  expect(one?.planHash).toBe(two?.planHash);
  expect(one?.createdAt).not.toBe(two?.createdAt);
});

test('the trace is no part of the hash: a device agent that asks again brings another', () => {
  const definition = parseWorkflow(diamond);
  const input = { org: 'o', unit: 'u', sessionId: SESSION_ID, contextId: 'c', message: requestMessage() };
  const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
  const [traced, untraced] = [trace, undefined].map((each) =>
    planWorkflow(definition, { ...input, trace: each, now: T0 }),
  );
  expect(traced?.trace).toEqual(trace);
  expect(traced?.planHash).toBe(untraced?.planHash);
  expect(traced !== undefined && hasValidHash(traced)).toBe(true);
  expect(validateSessionRecord(traced)).toMatchObject({ ok: true });
});

test('the hash covers what is executed', () => {
  const plan = planOf(diamond);
  expect(hasValidHash(plan)).toBe(true);
  expect(hasValidHash({ ...plan, variables: { x: 1 } })).toBe(false);
  expect(hasValidHash({ ...plan, closer: 'a' })).toBe(false);
  expect(hasValidHash(JSON.parse(JSON.stringify(plan)) as typeof plan)).toBe(true);
});

test('each edge spells out its policy: its own, else that of the step it comes from, else fail', () => {
  const yaml = graphYaml(
    { a: [], b: ['a', '{ step: c, onFailure: continue }'], c: [] },
    { a: 'onFailure: skip' },
  );
  expect(planOf(yaml).steps.find((step) => step.id === 'b')?.needs).toEqual([
    { step: 'a', onFailure: 'skip' },
    { step: 'c', onFailure: 'continue' },
  ]);
});

test('variables come from metadata, then from the data part, then from defaults', () => {
  const yaml = `${graphYaml({ a: [] })}variables: { x: {}, y: { default: 5 }, z: { required: false } }\n`;
  expect(planOf(yaml, { x: 1, extra: 2 }).variables).toEqual({ x: 1, y: 5, z: null });
  const input = {
    org: 'o',
    unit: 'u',
    sessionId: SESSION_ID,
    contextId: 'c',
    message: requestMessage({ x: 1 }),
    now: T0,
  };
  expect(planWorkflow(parseWorkflow(yaml), { ...input, variables: { x: 7 } }).variables).toMatchObject({
    x: 7,
  });
});

test('missing, unknown and mistyped variables are all named', () => {
  const yaml = `${graphYaml({ a: [] })}variables: { device: { type: string }, n: { type: integer } }\n`;
  const input = {
    org: 'o',
    unit: 'u',
    sessionId: SESSION_ID,
    contextId: 'c',
    message: requestMessage({ n: 1.5 }),
    now: T0,
  };
  expect(() => planWorkflow(parseWorkflow(yaml), { ...input, variables: { nope: 1 } })).toThrow(
    /"nope" is unknown.*"device" is missing.*"n" must be of type integer/s,
  );
});

test('a plan that is too large for one retained message is refused', () => {
  expect(() => planOf(graphYaml({ a: [] }), { blob: 'x'.repeat(300_000) })).toThrow('262144');
});

test('canonical JSON does not depend on the order of members', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).toReversed());
      expect(canonicalJson(reversed)).toBe(canonicalJson(value));
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    { numRuns: 100 },
  );
});

/** A random graph whose edges go to earlier steps only, listed in random order. */
const dag = fc
  .integer({ min: 1, max: 9 })
  .chain((n) =>
    fc.tuple(
      ...Array.from({ length: n }, (_, i) => fc.subarray(Array.from({ length: i }, (__, j) => `s${j}`))),
    ),
  )
  .chain((needs) =>
    fc.shuffledSubarray(
      needs.map((ids, i) => ({ id: `s${i}`, needs: ids })),
      { minLength: needs.length },
    ),
  );

test('in topological order every step comes after what it needs, and the closer needs nobody after it', () => {
  fc.assert(
    fc.property(dag, (steps) => {
      const order = topologicalOrder(steps).map((step) => step.id);
      expect(order).toHaveLength(steps.length);
      for (const step of steps)
        for (const need of step.needs) expect(order.indexOf(need)).toBeLessThan(order.indexOf(step.id));
      expect(findCycle(steps)).toBeUndefined();
      expect(steps.some((step) => step.needs.includes(closerOf(steps) ?? ''))).toBe(false);
      for (const step of steps) expect(ancestorsOf(step.id, steps).has(step.id)).toBe(false);
    }),
    { numRuns: 200 },
  );
});

test('a cycle anywhere is found', () => {
  fc.assert(
    fc.property(dag, fc.nat(), (steps, pick) => {
      const victim = steps[pick % steps.length];
      if (victim === undefined) return;
      const back =
        [...ancestorsOf(victim.id, steps), victim.id].at(pick % (ancestorsOf(victim.id, steps).size + 1)) ??
        victim.id;
      const broken = steps.map((step) =>
        step.id === back ? { ...step, needs: [...step.needs, victim.id] } : step,
      );
      expect(findCycle(broken)?.length).toBeGreaterThan(1);
    }),
    { numRuns: 200 },
  );
});
