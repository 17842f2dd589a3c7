import { McpMqttError } from '@shoal/mcp-mqtt';
import { silentLogger } from '@shoal/mqtt-link';
import { describe, expect, it } from 'vitest';
import type { DeviceOrder, OrderRecord } from '../core/agent/operations.ts';
import { DeviceAgentError } from '../errors.ts';
import type { DeviceDoor, ToolTraits } from './device-door.ts';
import { Operator } from './operator.ts';

const ORDER: DeviceOrder = { tool: 'start', args: {}, sessionId: 's1', stepId: 'restart', attempt: 1 };
const CAREFUL: ToolTraits = { readOnly: false, idempotent: false, acceptsRequestId: true };

/** A device whose answers the test decides; `log` shows what happened in which order. */
function setting(
  answer: (args: Record<string, unknown>) => Promise<Record<string, unknown>>,
  traits = CAREFUL,
) {
  const log: string[] = [];
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
  } as unknown as DeviceDoor;
  const make = (records: readonly OrderRecord[] = []) => {
    const operator: Operator = new Operator({
      door,
      records,
      persist: async () => void log.push(`persist ${operator.records.at(-1)?.state}`),
      onDone: () => log.push('done'),
      logger: silentLogger,
    });
    return operator;
  };
  return { make, log, sent };
}

const lost = () => Promise.reject(new McpMqttError('request-timeout', 'no answer in 60 s'));
const fine = () => Promise.resolve({ rpm: 1 });

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
      door: {
        traitsOf: async () => CAREFUL,
        call: async (tool: string) => called.push(tool),
      } as unknown as DeviceDoor,
      records: [],
      persist: () => Promise.reject(new Error('broker gone')),
      onDone: () => {},
      logger: silentLogger,
    });
    await expect(operator.operate(ORDER)).rejects.toThrow('broker gone');
    expect(called).toEqual([]);
  });

  it('answers what the device did although the answer could not be written down', async () => {
    let writes = 0;
    const operator = new Operator({
      door: { traitsOf: async () => CAREFUL, call: fine } as unknown as DeviceDoor,
      records: [],
      persist: async () => {
        if (++writes > 1) throw new Error('broker gone');
      },
      onDone: () => {},
      logger: silentLogger,
    });
    expect(await operator.operate(ORDER)).toMatchObject({ ok: true });
    expect(await operator.operate(ORDER)).toMatchObject({ ok: true, repeated: true });
  });

  it('reads without remembering', async () => {
    const { make, log } = setting(fine, { readOnly: true, idempotent: true, acceptsRequestId: false });
    const operator = make();
    await operator.operate(ORDER);
    await operator.operate(ORDER);
    expect(log).toEqual(['call start', 'call start']);
    expect(operator.records).toEqual([]);
  });
});
