import * as fc from 'fast-check';
import { silentLogger } from '@shoal/mqtt-link';
import { RISK_CLASSES, type RiskClass } from '@shoal/device-tools';
import type { ToolApproval } from '@shoal/protocol';
import { describe, expect, it } from 'vitest';
import { Operator } from '../../io/operator.ts';
import { whyRefused, type OrderRules, type ToolTraits } from './check-order.ts';
import { readOrder, type DeviceOrder } from './operations.ts';

const NOW = Date.parse('2026-03-01T08:00:00Z');

const traits: ToolTraits = {
  risk: 'reversible',
  idempotent: false,
  acceptsRequestId: true,
  guarded: true,
  interlocks: [{ name: 'hot', description: '', blockedWhen: { channel: 't', unit: '°C', above: 90 } }],
  inputSchema: {
    type: 'object',
    properties: { rpm: { type: 'number', minimum: 500, maximum: 2000, unit: 'rpm' } },
    additionalProperties: false,
  },
  memoryId: 'm1',
};
const order: DeviceOrder = { tool: 'set', args: { rpm: 900 }, sessionId: 's', stepId: 'x', attempt: 1 };
const approval: ToolApproval = {
  schemaVersion: 1,
  approvalId: 'a',
  deviceId: 'pump-01',
  tool: 'set',
  args: { rpm: 900 },
  action: 'approve',
  by: 'ada',
  at: new Date(NOW).toISOString(),
  expiresAt: new Date(NOW + 60_000).toISOString(),
};
const rules = (change: Partial<OrderRules> = {}): OrderRules => ({
  deviceId: 'pump-01',
  grant: 'reversible',
  approval: (id) => (id === 'a' ? approval : undefined),
  approvalTopic: (id) => `approval/${id}`,
  channels: { t: 20 },
  nowMs: NOW,
  ...change,
});

describe('whyRefused', () => {
  const why = (
    change: Partial<DeviceOrder>,
    traitChange: Partial<ToolTraits> = {},
    ruleChange: Partial<OrderRules> = {},
  ) => whyRefused({ ...order, ...change }, { ...traits, ...traitChange }, [], rules(ruleChange));

  it('lets pass what is granted, in range and not blocked', () => {
    expect(why({})).toBeUndefined();
    expect(why({ approvalId: 'a' }, { risk: 'dangerous' })).toBeUndefined();
  });

  it('names range, unit, interlock, risk and grant', () => {
    expect(why({ args: { rpm: 1 } })).toMatchObject({
      argument: { minimum: 500, maximum: 2000, unit: 'rpm' },
    });
    expect(why({}, {}, { channels: { t: 95 } })).toMatchObject({
      interlock: { name: 'hot', state: 't is 95 °C, above 90 °C' },
    });
    expect(why({}, {}, { channels: {} })).toMatchObject({ interlock: { state: 't has no value' } });
    expect(why({}, { risk: 'dangerous' })).toMatchObject({
      code: 'approval-required',
      approval: { risk: 'dangerous', grant: 'reversible', topic: 'approval/ID' },
    });
  });

  it('keeps the arguments of the door to itself', () => {
    for (const name of ['requestId', 'dryRun', 'approvalId'])
      expect(why({ args: { rpm: 900, [name]: 'x' } })).toMatchObject({
        code: 'invalid-arguments',
        argument: { name },
      });
    expect(why({ dryRun: true }, { guarded: false })).toMatchObject({ message: /no dry run/ });
  });

  it('takes an approval for one order only', () => {
    const record = {
      sessionId: 's',
      stepId: 'x',
      attempt: 1,
      order: 'set {"rpm":900}',
      state: 'done' as const,
      approvalId: 'a',
    };
    const dangerous = { ...traits, risk: 'dangerous' as const };
    const given = { ...order, approvalId: 'a' };
    expect(whyRefused(given, dangerous, [record], rules())).toBeUndefined();
    expect(whyRefused({ ...given, sessionId: 's2' }, dangerous, [record], rules())).toMatchObject({
      code: 'approval-used',
    });
  });
});

/** A device that forgets nothing and answers, loses the answer or refuses, as it is told. */
const replies = fc.constantFrom('done', 'lost', 'lost-before', 'failed');

describe('whatever is ordered', () => {
  const tools = {
    look: 'read',
    set: 'reversible',
    stop: 'disruptive',
    start: 'dangerous',
  } as const satisfies Record<string, RiskClass>;
  const data = fc.record(
    {
      tool: fc.oneof(fc.constantFrom(...Object.keys(tools)), fc.string()),
      args: fc.oneof(
        fc.record({ rpm: fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.jsonValue()) }, { requiredKeys: [] }),
        fc.dictionary(fc.string(), fc.jsonValue()),
      ),
      sessionId: fc.constantFrom('s1', 's2'),
      stepId: fc.constantFrom('x', 'y'),
      attempt: fc.integer({ min: 1, max: 3 }),
      approvalId: fc.oneof(fc.constantFrom('a'), fc.string(), fc.jsonValue()),
      dryRun: fc.oneof(fc.boolean(), fc.jsonValue()),
      approved: fc.constant(true),
      skill: fc.string(),
    },
    { requiredKeys: ['tool'] },
  );

  it('the device is asked for nothing above the grant, out of range or past an interlock, and never twice under one key', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(data, replies), { maxLength: 25 }),
        fc.constantFrom(...RISK_CLASSES),
        fc.boolean(),
        async (sequence, grant, isHot) => {
          const twice: string[] = [];
          const asked: { tool: string; args: Record<string, unknown> }[] = [];
          const memory = new Map<string, 'done' | 'not-done'>();
          let reply = 'done';
          const operator = new Operator({
            door: {
              traitsOf: async (tool) => {
                if (!Object.hasOwn(tools, tool)) throw new Error('no such tool');
                return { ...traits, risk: tools[tool as keyof typeof tools] };
              },
              call: async (tool, args) => {
                const { requestId, ...rest } = args;
                const key = String(requestId);
                if (tool !== 'look' && args['dryRun'] !== true) {
                  if (memory.has(key)) twice.push(key);
                  memory.set(key, reply === 'lost-before' ? 'not-done' : 'done');
                  asked.push({ tool, args: rest });
                }
                if (reply !== 'done') throw new Error(reply);
                return {};
              },
              settle: async (requestId) => {
                if (!memory.has(requestId)) return undefined;
                return { requestId, state: memory.get(requestId)!, memoryId: 'm1', keptSeconds: 3600 };
              },
            },
            records: [],
            check: async (one, of, records) =>
              whyRefused(one, of, records, rules({ grant, channels: { t: isHot ? 95 : 20 } })),
            persist: async () => {},
            onDone: () => {},
            nowMs: () => NOW,
            logger: silentLogger,
          });
          for (const [fields, next] of sequence) {
            reply = next;
            const one = readOrder(fields, 'task');
            if (typeof one !== 'string') await operator.operate(one);
          }
          const level = RISK_CLASSES.indexOf(grant);
          const isAllowed = ({ tool, args }: (typeof asked)[number]): boolean => {
            const risk = RISK_CLASSES.indexOf(tools[tool as keyof typeof tools]);
            // The one approval there is names the tool "set" with 900 rpm.
            const approved = tool === 'set' && args['rpm'] === 900 && args['approvalId'] === 'a';
            const inRange =
              args['rpm'] === undefined || (Number(args['rpm']) >= 500 && Number(args['rpm']) <= 2000);
            return !isHot && inRange && (risk <= level || approved);
          };
          expect(asked.filter((one) => !isAllowed(one))).toEqual([]);
          expect(twice).toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
  });
});
