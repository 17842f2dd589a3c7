import { McpMqttError } from '@shoal/mcp-mqtt';
import { silentLogger } from '@shoal/mqtt-link';
import { describe, expect, it } from 'vitest';
import type { DeviceOrder, OrderRecord } from '../core/agent/operations.ts';
import { DeviceAgentError } from '../errors.ts';
import type { SettleAnswer } from '@shoal/device-tools';
import type { ToolTraits } from '../core/agent/check-order.ts';
import { Operator, type OperatorOptions } from './operator.ts';

const ORDER: DeviceOrder = { tool: 'start', args: {}, sessionId: 's1', stepId: 'restart', attempt: 1 };
const CAREFUL: ToolTraits = {
  risk: 'dangerous',
  idempotent: false,
  acceptsRequestId: true,
  guarded: true,
  interlocks: [],
  inputSchema: {},
  memoryId: 'm1',
};

/** A device whose answers the test decides; `log` shows what happened in which order. */
function setting(
  answer: (args: Record<string, unknown>) => Promise<Record<string, unknown>>,
  traits = CAREFUL,
  settle?: (requestId: string) => Partial<SettleAnswer>,
) {
  const log: string[] = [];
  const asked: string[] = [];
  const sent: Record<string, unknown>[] = [];
  const door = {
    traitsOf: async (tool: string) => {
      if (tool === 'absent')
        throw new DeviceAgentError('device-tool-failed', 'the device has no tool absent');
      return traits;
    },
    call: async (tool: string, args: Record<string, unknown>) => {
      log.push(`call ${tool}`);
      sent.push(args);
      return answer(args);
    },
    settle: async (requestId: string) => {
      asked.push(requestId);
      const told = settle?.(requestId);
      return told === undefined
        ? undefined
        : { requestId, memoryId: 'm1', keptSeconds: 3600, state: 'done' as const, ...told };
    },
  };
  const make = (records: readonly OrderRecord[] = []) => {
    const operator: Operator = new Operator({
      door,
      records,
      check: () => Promise.resolve(undefined),
      nowMs: () => 1_000,
      persist: async () => void log.push(`persist ${operator.records.at(-1)?.state}`),
      onDone: () => log.push('done'),
      logger: silentLogger,
    });
    return operator;
  };
  return { make, log, sent, asked };
}

const lost = () => Promise.reject(new McpMqttError('request-timeout', 'no answer in 60 s'));
const fine = () => Promise.resolve({ rpm: 1 });

const IDLE: Omit<OperatorOptions, 'persist'> = {
  door: { traitsOf: async () => CAREFUL, call: fine, settle: async () => undefined },
  records: [],
  check: () => Promise.resolve(undefined),
  nowMs: () => 1_000,
  onDone: () => {},
  logger: silentLogger,
};

describe('Operator', () => {
  it('remembers an order before it is sent and after it is answered', async () => {
    const { make, log, sent } = setting(fine);
    expect(await make().operate(ORDER)).toEqual({
      ok: true,
      outcome: 'done',
      tool: 'start',
      result: { rpm: 1 },
    });
    expect(log).toEqual(['persist sent', 'call start', 'done', 'persist done']);
    expect(sent[0]!['requestId']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('ends a lost answer as unknown and does not repeat it, not even in another attempt', async () => {
    const { make, log } = setting(lost);
    const operator = make();
    expect(await operator.operate(ORDER)).toMatchObject({ ok: false, outcome: 'unknown' });
    expect(await operator.operate({ ...ORDER, attempt: 2 })).toMatchObject({ ok: false, outcome: 'unknown' });
    expect(log.filter((entry) => entry === 'call start')).toHaveLength(1);
  });

  it('takes an order that its predecessor had sent for unknown', async () => {
    const { make, log } = setting(fine);
    const predecessor = make();
    await predecessor.operate(ORDER);
    const sent: OrderRecord[] = [{ ...predecessor.records[0]!, state: 'sent' }];
    log.length = 0;
    expect(await make(sent).operate({ ...ORDER, attempt: 2 })).toMatchObject({ outcome: 'unknown' });
    expect(log).toEqual([]);
  });

  it('repeats a lost order when twice is once, with the same idempotency key', async () => {
    let calls = 0;
    const { make, sent } = setting(() => (calls++ === 0 ? lost() : fine()), { ...CAREFUL, idempotent: true });
    const operator = make();
    await operator.operate(ORDER);
    expect(await operator.operate({ ...ORDER, attempt: 2 })).toMatchObject({ ok: true });
    expect(sent[1]!['requestId']).toBe(sent[0]!['requestId']);
  });

  it('does one order at a time, so that a duplicate finds the answer of the first', async () => {
    const { make, log } = setting(fine);
    const operator = make();
    const answers = await Promise.all([operator.operate(ORDER), operator.operate(ORDER)]);
    expect(answers).toMatchObject([{ ok: true }, { ok: true, repeated: true }]);
    expect(log.filter((entry) => entry === 'call start')).toHaveLength(1);
  });

  it('reports what the device refused as failed, and lets it be tried again', async () => {
    const { make, log } = setting(() => Promise.reject(new McpMqttError('tool-failed', 'start: interlock')));
    const operator = make();
    expect(await operator.operate(ORDER)).toEqual({
      ok: false,
      outcome: 'failed',
      tool: 'start',
      error: 'start: interlock',
    });
    await operator.operate(ORDER);
    expect(log.filter((entry) => entry === 'call start')).toHaveLength(2);
  });

  it('sends nothing and remembers nothing for a tool that the device does not have', async () => {
    const { make, log } = setting(fine);
    expect(await make().operate({ ...ORDER, tool: 'absent' })).toMatchObject({
      ok: false,
      outcome: 'failed',
    });
    expect(log).toEqual([]);
  });

  it('does not send what could not be made durable', async () => {
    const called: string[] = [];
    const operator = new Operator({
      ...IDLE,
      door: {
        ...IDLE.door,
        call: async (tool: string) => {
          called.push(tool);
          return {};
        },
      },
      persist: () => Promise.reject(new Error('broker gone')),
    });
    await expect(operator.operate(ORDER)).rejects.toThrow('broker gone');
    expect(called).toEqual([]);
  });

  it('answers what the device did although the answer could not be written down', async () => {
    let writes = 0;
    const operator = new Operator({
      ...IDLE,
      persist: async () => {
        if (++writes > 1) throw new Error('broker gone');
      },
    });
    expect(await operator.operate(ORDER)).toMatchObject({ ok: true });
    expect(await operator.operate(ORDER)).toMatchObject({ ok: true, repeated: true });
  });

  it('reads without remembering', async () => {
    const { make, log } = setting(fine, { ...CAREFUL, risk: 'read' });
    const operator = make();
    await operator.operate(ORDER);
    await operator.operate(ORDER);
    expect(log).toEqual(['call start', 'call start']);
    expect(operator.records).toEqual([]);
  });

  it('asks the device by the key of an order whose answer was lost, and does not send it again', async () => {
    const { make, log, sent, asked } = setting(lost, CAREFUL, () => ({ answer: { rpm: 7 } }));
    const operator = make();
    expect(await operator.operate(ORDER)).toMatchObject({ ok: true, result: { rpm: 7 } });
    expect(asked).toEqual([sent[0]!['requestId']]);
    expect(await operator.operate(ORDER)).toMatchObject({ ok: true, repeated: true, result: { rpm: 7 } });
    expect(log.filter((entry) => entry === 'call start')).toHaveLength(1);
  });

  it('asks for what its predecessor had sent', async () => {
    const { make, log, asked } = setting(fine, CAREFUL, () => ({ answer: { rpm: 7 } }));
    const predecessor = make();
    await predecessor.operate(ORDER);
    log.length = 0;
    const sent: OrderRecord[] = [{ ...predecessor.records[0]!, state: 'sent' }];
    expect(await make(sent).operate({ ...ORDER, attempt: 2 })).toMatchObject({ ok: true, repeated: true });
    expect(asked).toEqual([sent[0]!.request!.id]);
    expect(log).toEqual(['done', 'persist done']);
  });

  it('orders anew, under a new key, only what the device will never do', async () => {
    let calls = 0;
    const { make, sent } = setting(
      () => (calls++ === 0 ? lost() : fine()),
      CAREFUL,
      () => ({ state: 'not-done' }),
    );
    const operator = make();
    expect(await operator.operate(ORDER)).toMatchObject({ outcome: 'failed', error: /may be ordered again/ });
    expect(await operator.operate({ ...ORDER, attempt: 2 })).toMatchObject({ ok: true });
    expect(sent[1]!['requestId']).not.toBe(sent[0]!['requestId']);
  });

  it.each<[string, Partial<SettleAnswer>]>([
    ['is still at it', { state: 'running' }],
    ['has lost its memory', { state: 'not-done', memoryId: 'm2' }],
    ['may have forgotten', { state: 'not-done', keptSeconds: 0 }],
    ['does not tell', { state: 'untold' }],
  ])('leaves an order unknown when the device %s', async (_, told) => {
    const { make, log } = setting(lost, CAREFUL, () => told);
    const operator = make();
    for (const attempt of [1, 2, 3])
      expect(await operator.operate({ ...ORDER, attempt })).toMatchObject({ outcome: 'unknown' });
    expect(log.filter((entry) => entry === 'call start')).toHaveLength(1);
  });
});
