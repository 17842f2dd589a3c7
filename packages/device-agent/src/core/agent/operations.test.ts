import { describe, expect, it } from 'vitest';
import {
  decideOrder,
  readOrder,
  REMEMBERED_ORDERS,
  rememberOrder,
  type DeviceOrder,
  type OrderRecord,
} from './operations.ts';

const order: DeviceOrder = {
  tool: 'start',
  args: { at: 1, mode: { a: 1, b: 2 } },
  sessionId: 's1',
  stepId: 'protect',
  attempt: 2,
};
const after = (state: OrderRecord['state'], of: DeviceOrder = order) =>
  rememberOrder([], of, { state, result: { rpm: 1 } });

describe('decideOrder', () => {
  it('runs an order that is new', () => {
    expect(decideOrder([], order, false)).toMatchObject({ kind: 'run' });
  });

  it('drops an order of a superseded attempt', () => {
    expect(decideOrder(after('done'), { ...order, attempt: 1 }, true)).toEqual({ kind: 'superseded', by: 2 });
    expect(decideOrder(after('done'), { ...order, attempt: 1, stepId: 'other' }, true).kind).toBe('run');
    expect(decideOrder(after('done'), { ...order, attempt: 1, sessionId: 's2' }, true).kind).toBe('run');
  });

  it('repeats the answer to a repeated order, of the same attempt or a later one, whatever the order of its arguments', () => {
    const again = { ...order, args: { mode: { b: 2, a: 1 }, at: 1 } };
    expect(decideOrder(after('done'), again, false)).toMatchObject({
      kind: 'repeat',
      record: { result: { rpm: 1 } },
    });
    expect(decideOrder(after('done'), { ...again, attempt: 3 }, false).kind).toBe('repeat');
  });

  it('never repeats blindly what was sent and not answered, unless twice is once', () => {
    for (const state of ['sent', 'unknown'] as const) {
      expect(decideOrder(after(state), { ...order, attempt: 3 }, false).kind).toBe('unknown');
      expect(decideOrder(after(state), { ...order, attempt: 3 }, true).kind).toBe('run');
    }
  });

  it('runs again what the device had refused, and another order of the same step', () => {
    expect(decideOrder(after('failed'), order, false).kind).toBe('run');
    expect(decideOrder(after('sent'), { ...order, tool: 'stop' }, false).kind).toBe('run');
  });

  it('gives the same order the same idempotency key in every attempt, and another order another', () => {
    const seed = (of: DeviceOrder) => {
      const decision = decideOrder([], of, true);
      return decision.kind === 'run' ? decision.requestSeed : decision.kind;
    };
    expect(seed({ ...order, attempt: 9 })).toBe(seed(order));
    expect(seed({ ...order, args: {} })).not.toBe(seed(order));
    expect(seed({ ...order, sessionId: 's2' })).not.toBe(seed(order));
  });
});

it('remembers a bounded number of orders, each once', () => {
  let records: OrderRecord[] = [];
  for (let i = 0; i < 3 * REMEMBERED_ORDERS; i++) {
    const one = { ...order, sessionId: `s${i}` };
    records = rememberOrder(rememberOrder(records, one, { state: 'sent' }), one, { state: 'done' });
  }
  expect(records).toHaveLength(REMEMBERED_ORDERS);
  expect(records.at(-1)).toMatchObject({ sessionId: 's299', state: 'done' });
});

describe('readOrder', () => {
  it('takes the task for the session of an order that names none', () => {
    expect(readOrder({ tool: 'stop' }, 't1')).toEqual({
      tool: 'stop',
      args: {},
      sessionId: 't1',
      stepId: 'operate',
      attempt: 1,
    });
  });

  it.each([
    [{}, 'tool'],
    [{ tool: 5 }, 'tool'],
    [{ tool: 'a', args: [1] }, 'args'],
    [{ tool: 'a', sessionId: 7 }, 'sessionId'],
    [{ tool: 'a', stepId: '' }, 'stepId'],
    [{ tool: 'a', attempt: 0 }, 'attempt'],
    [{ tool: 'a', attempt: '2' }, 'attempt'],
  ])('names the field that is wrong in %j', (data, field) => {
    expect(readOrder(data, 't1')).toMatch(new RegExp(`^${field} must`));
  });
});
