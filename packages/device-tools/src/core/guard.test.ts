import * as fc from 'fast-check';
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import type { ToolApproval } from '@shoal/protocol';
import { defineDeviceTool, type JsonRecord } from './declaration.ts';
import { DeviceToolGuard, type CallOutcome, type GuardOptions } from './guard.ts';
import { RequestMemory } from './request-memory.ts';
import { RISK_CLASSES } from './risk.ts';

const NOW = Date.parse('2026-03-01T08:00:00Z');

/** A machine that writes down everything that is done to it. */
function machine(options: Partial<GuardOptions> & { readonly capacity?: number } = {}) {
  const done: string[] = [];
  const approvals = new Map<string, ToolApproval>();
  const channels: Record<string, number | null> = { pressure: 3 };
  const locked = { by: undefined as string | undefined };
  const clock = { ms: 0 };
  let release: (() => void) | undefined;
  const act = (name: string, args: JsonRecord) => {
    done.push(`${name} ${JSON.stringify(args)}`);
    return { count: done.length };
  };
  const tools = [
    defineDeviceTool({
      name: 'look',
      title: '',
      description: '',
      risk: 'read',
      run: () => ({ done: done.length }),
    }),
    defineDeviceTool({
      name: 'set',
      title: '',
      description: '',
      risk: 'reversible',
      args: {
        rpm: Type.Number({ minimum: 500, maximum: 2000, unit: 'rpm' }),
        mode: Type.Optional(Type.String()),
      },
      interlocks: [
        { name: 'lock', description: '' },
        { name: 'pressure', description: '', blockedWhen: { channel: 'pressure', unit: 'bar', above: 8 } },
      ],
      preview: ({ rpm }) => ({ rpm }),
      run: ({ rpm }) => act('set', { rpm }),
    }),
    defineDeviceTool({
      name: 'stop',
      title: '',
      description: '',
      risk: 'disruptive',
      preview: () => ({}),
      run: () => act('stop', {}),
    }),
    defineDeviceTool({
      name: 'start',
      title: '',
      description: '',
      risk: 'dangerous',
      interlocks: [{ name: 'lock', description: '' }],
      preview: () => ({}),
      run: () => act('start', {}),
    }),
    defineDeviceTool({
      name: 'slow',
      title: '',
      description: '',
      risk: 'reversible',
      preview: () => ({}),
      run: async () => {
        await new Promise<void>((resolve) => (release = resolve));
        return act('slow', {});
      },
    }),
    defineDeviceTool({
      name: 'broken',
      title: '',
      description: '',
      risk: 'reversible',
      preview: () => ({}),
      run: () => {
        act('broken', {});
        throw Object.assign(new Error('jammed'), { code: 'out-of-range' });
      },
    }),
  ];
  const { capacity, ...rest } = options;
  const guard = new DeviceToolGuard({
    deviceId: 'pump-01',
    tools,
    memory: new RequestMemory({ id: 'm1', ...(capacity === undefined ? {} : { capacity }) }),
    approval: (id) => approvals.get(id),
    approvalTopic: (id) => `approval/${id}`,
    channels: () => channels,
    interlock: (name) => (name === 'lock' && locked.by !== undefined ? `locked by ${locked.by}` : undefined),
    nowMs: () => NOW,
    elapsedMs: () => clock.ms,
    ...rest,
  });
  const approve = (approvalId: string, change: Partial<ToolApproval> = {}) =>
    approvals.set(approvalId, {
      schemaVersion: 1,
      approvalId,
      deviceId: 'pump-01',
      tool: 'stop',
      args: {},
      action: 'approve',
      by: 'ada',
      at: new Date(NOW).toISOString(),
      expiresAt: new Date(NOW + 60_000).toISOString(),
      ...change,
    });
  return { guard, done, approve, channels, locked, clock, release: () => release?.() };
}

const codeOf = (outcome: CallOutcome) => (outcome.kind === 'refused' ? outcome.refusal.code : outcome.kind);

describe('DeviceToolGuard', () => {
  it.each<[string, JsonRecord, RegExp]>([
    ['set', { rpm: 5000 }, /rpm is 5000; it must be 500 to 2000 rpm/],
    ['set', { rpm: '900' }, /rpm is "900"; it must be 500 to 2000 rpm/],
    ['set', { rpm: Number.NaN }, /rpm must be a finite number/],
    ['set', {}, /rpm is absent; it must be 500 to 2000 rpm/],
    [
      'set',
      { rpm: 900, force: true },
      /force: .*the arguments are: rpm, mode, requestId, dryRun, approvalId/,
    ],
    ['set', { rpm: 900, dryRun: 'yes' }, /dryRun/],
    ['look', { approvalId: 'a' }, /approvalId/],
  ])('refuses %s %j and says what would do', async (tool, args, message) => {
    const { guard, done } = machine();
    const outcome = await guard.call(tool, args);
    expect(outcome).toMatchObject({ kind: 'refused', refusal: { code: 'invalid-arguments' } });
    expect(outcome.kind === 'refused' && outcome.refusal.message).toMatch(message);
    expect(done).toEqual([]);
  });

  it('refuses a tool that it does not have', async () => {
    expect(codeOf(await machine().guard.call('explode', {}))).toBe('unknown-tool');
    expect(codeOf(await machine().guard.call('__proto__', {}))).toBe('unknown-tool');
  });

  it('names the interlock that blocks, and its state', async () => {
    const { guard, channels, locked, done } = machine({ grant: 'dangerous' });
    channels['pressure'] = 9;
    expect(await guard.call('set', { rpm: 900 })).toMatchObject({
      refusal: {
        code: 'interlock',
        interlock: { name: 'pressure', state: 'pressure is 9 bar, above 8 bar' },
      },
    });
    channels['pressure'] = null;
    expect(await guard.call('set', { rpm: 900 })).toMatchObject({
      refusal: { interlock: { state: 'pressure has no value' } },
    });
    locked.by = 'fitter 7';
    expect(await guard.call('start', {})).toMatchObject({
      refusal: { interlock: { name: 'lock', state: 'locked by fitter 7' } },
    });
    expect(done).toEqual([]);
  });

  it('does the same key once, also when both come at the same time', async () => {
    const { guard, done, release } = machine();
    const calls = [1, 2].map(() => guard.call('slow', { requestId: 'k' }));
    await Promise.resolve();
    expect(guard.settle('k')).toMatchObject({ state: 'running' });
    release();
    expect(await Promise.all(calls)).toMatchObject([
      { kind: 'done', answer: { count: 1 }, repeated: false },
      { kind: 'done', answer: { count: 1 }, repeated: true },
    ]);
    expect(codeOf(await guard.call('set', { rpm: 900, requestId: 'k' }))).toBe('request-conflict');
    expect(guard.settle('k')).toMatchObject({ state: 'done', answer: { count: 1 } });
    expect(done).toHaveLength(1);
  });

  it('takes equal arguments in another order for the same call', async () => {
    const { guard, done } = machine();
    await guard.call('set', { rpm: 900, mode: 'a', requestId: 'k' });
    expect(await guard.call('set', { requestId: 'k', mode: 'a', rpm: 900 })).toMatchObject({
      repeated: true,
    });
    expect(done).toHaveLength(1);
  });

  it('remembers a failure under its key, with the code of its error', async () => {
    const { guard, done } = machine();
    for (const _ of [1, 2])
      expect(await guard.call('broken', { requestId: 'k' })).toEqual({
        kind: 'failed',
        error: 'out-of-range: jammed',
      });
    expect(guard.settle('k')).toMatchObject({ state: 'failed', error: 'out-of-range: jammed' });
    expect(done).toHaveLength(1);
  });

  it('never does what was settled', async () => {
    const { guard, done } = machine();
    expect(guard.settle('k')).toMatchObject({ state: 'not-done', memoryId: 'm1', keptSeconds: 3600 });
    expect(codeOf(await guard.call('set', { rpm: 900, requestId: 'k' }))).toBe('request-settled');
    expect(guard.settle('k')).toMatchObject({ state: 'not-done' });
    expect(done).toEqual([]);
  });

  it('at the bound of its memory takes no new key, until the oldest is old enough', async () => {
    const { guard, done, clock } = machine({ capacity: 2 });
    for (const requestId of ['a', 'b']) await guard.call('set', { rpm: 900, requestId });
    expect(codeOf(await guard.call('set', { rpm: 900, requestId: 'c' }))).toBe('memory-full');
    expect(guard.settle('d')).toMatchObject({ state: 'untold' });
    expect(await guard.call('set', { rpm: 900, requestId: 'a' })).toMatchObject({ repeated: true });
    expect(done).toHaveLength(2);
    clock.ms = 3_600_000;
    expect(codeOf(await guard.call('set', { rpm: 900, requestId: 'c' }))).toBe('done');
    expect(done).toHaveLength(3);
  });

  it('takes an approval once, with and without a key', async () => {
    const { guard, done, approve } = machine();
    expect(codeOf(await guard.call('stop', { approvalId: 'a' }))).toBe('approval-required');
    approve('a');
    expect(codeOf(await guard.call('stop', { approvalId: 'a' }))).toBe('done');
    expect(await guard.call('stop', { approvalId: 'a' })).toMatchObject({ repeated: true });
    expect(codeOf(await guard.call('stop', { approvalId: 'a', requestId: 'k' }))).toBe('approval-used');
    expect(done).toEqual(['stop {}']);
  });

  it('waits for the approval before it judges, where one counts, and lets two calls act once all the same', async () => {
    const asked: string[] = [];
    const { guard, done, approve } = machine({
      settleApproval: async (approvalId) => {
        asked.push(approvalId);
        await new Promise((resolve) => setImmediate(resolve));
        approve(approvalId);
      },
    });
    await guard.call('set', { rpm: 900, approvalId: 'unneeded' });
    const calls = [1, 2].map(() => guard.call('stop', { approvalId: 'a' }));
    expect((await Promise.all(calls)).map(codeOf)).toEqual(['done', 'done']);
    expect(asked).toEqual(['a', 'a']);
    expect(done).toEqual(['set {"rpm":900}', 'stop {}']);
  });

  it('a dry run does nothing, uses up nothing, and refuses what a call would', async () => {
    const { guard, done, approve } = machine();
    expect(codeOf(await guard.call('stop', { dryRun: true }))).toBe('approval-required');
    approve('a');
    for (const _ of [1, 2])
      expect(await guard.call('stop', { dryRun: true, approvalId: 'a', requestId: 'k' })).toEqual({
        kind: 'dry-run',
        would: {},
      });
    expect(done).toEqual([]);
    expect(codeOf(await guard.call('stop', { approvalId: 'a', requestId: 'k' }))).toBe('done');
  });

  it('refuses tools that leave something open', () => {
    const tool =
      (args: object, risk = 'read' as const) =>
      () =>
        defineDeviceTool({
          name: 't',
          title: '',
          description: '',
          risk,
          args: args as never,
          run: () => ({}),
        });
    expect(tool({ x: Type.Number({ maximum: 1, unit: 'm' }) })).toThrow(/t: "x" needs "minimum"/);
    expect(tool({ x: Type.Number({ minimum: 0, maximum: 1 }) })).toThrow(/t: "x" needs "unit"/);
    expect(tool({ requestId: Type.String() })).toThrow(/"requestId" is an argument of the door/);
    expect(() =>
      defineDeviceTool({ name: 't', title: '', description: '', risk: 'dangerous', run: () => ({}) }),
    ).toThrow(/needs "preview"/);
  });
});

describe('whatever is called with whatever', () => {
  const anything = fc.oneof(
    fc.record(
      {
        rpm: fc.oneof(fc.double(), fc.integer({ min: 0, max: 3000 }), fc.string(), fc.jsonValue()),
        mode: fc.jsonValue(),
        requestId: fc.oneof(fc.constantFrom('k1', 'k2'), fc.string(), fc.jsonValue()),
        approvalId: fc.oneof(
          fc.constantFrom('a1', 'expired', 'denied', 'other-device'),
          fc.string(),
          fc.jsonValue(),
        ),
        dryRun: fc.oneof(fc.boolean(), fc.jsonValue()),
        approved: fc.constant(true),
        _meta: fc.jsonValue(),
      },
      { requiredKeys: [] },
    ),
    fc.dictionary(fc.string(), fc.jsonValue()),
  );
  const calls = fc.array(
    fc.tuple(fc.oneof(fc.constantFrom('look', 'set', 'stop', 'start', 'broken'), fc.string()), anything),
    { maxLength: 30 },
  );

  it('nothing above the grant is done without its approval, nothing out of range, nothing past an interlock', async () => {
    await fc.assert(
      fc.asyncProperty(
        calls,
        fc.constantFrom(...RISK_CLASSES),
        fc.boolean(),
        async (sequence, grant, isLocked) => {
          const { guard, done, approve, locked } = machine({ grant, approvers: ['ada'] });
          if (isLocked) locked.by = 'x';
          approve('a1');
          approve('expired', { expiresAt: new Date(NOW - 1).toISOString() });
          approve('denied', { action: 'deny' });
          approve('other-device', { deviceId: 'pump-02' });
          for (const [tool, args] of sequence) await guard.call(tool, args);
          const did = (name: string) => done.filter((entry) => entry.startsWith(`${name} `));
          const level = RISK_CLASSES.indexOf(grant);
          const allowed = {
            set: level >= 1 && !isLocked,
            broken: level >= 1,
            // Once by the one good approval there is.
            stop: level >= 2 || did('stop').length <= 1,
            start: level >= 3 && !isLocked,
          };
          for (const [name, isAllowed] of Object.entries(allowed))
            expect(isAllowed ? [] : did(name)).toEqual([]);
          for (const entry of did('set')) {
            const { rpm } = JSON.parse(entry.slice(4)) as { rpm: number };
            expect(rpm >= 500 && rpm <= 2000).toBe(true);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
