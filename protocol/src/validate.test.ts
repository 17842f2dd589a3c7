import { describe, expect, it } from 'vitest';
import {
  assertValid,
  decodeDocument,
  encodeDocument,
  invalidParams,
  isProtocolError,
  parseJson,
  ProtocolError,
  validateDocument,
  validateParams,
  validateResult,
  validateTask,
  type Message,
  type Task,
} from './index.ts';

const message: Message = { messageId: 'm-1', role: 'ROLE_USER', parts: [{ text: 'hello' }] };
const task: Task = { id: 't-1', status: { state: 'TASK_STATE_WORKING' } };

describe('reading', () => {
  it('hands back the same object, unknown fields and all', () => {
    const document = { ...task, laterField: [1] };
    const result = validateTask(document);
    expect(result.ok && result.value).toBe(document);
  });

  it('turns text or bytes into a checked document', () => {
    const text = JSON.stringify(task);
    expect(decodeDocument('Task', text)).toEqual({ ok: true, value: task });
    expect(decodeDocument('Task', new TextEncoder().encode(text))).toEqual({ ok: true, value: task });
  });

  it.each([
    ['', 'is empty'],
    ['{nope', 'is not JSON'],
    ['{"a":1', 'is not JSON'],
    [new Uint8Array([0xff, 0xfe]), 'is not UTF-8'],
    [new Uint8Array(), 'is empty'],
  ])('says what is wrong with %j without repeating it', (payload, complaint) => {
    const result = parseJson(payload);
    const messages = result.ok ? [] : result.violations.map((violation) => violation.message);
    expect(messages).toEqual([expect.stringContaining(complaint)]);
    expect(messages.join()).not.toContain('nope');
  });

  it('names at most 25 fields and takes linear time over a hostile document', () => {
    const history = Array.from({ length: 80_000 }, () => ({}));
    const started = performance.now();
    const result = validateTask({ ...task, history });
    expect(performance.now() - started).toBeLessThan(2000);
    expect(result).toMatchObject({ ok: false });
    expect(result.ok ? [] : result.violations).toHaveLength(25);
  });

  it('cuts long names and values in what it says', () => {
    const result = validateDocument('AgentCard', { securitySchemes: { ['k'.repeat(5000)]: {} } });
    expect(JSON.stringify(result).length).toBeLessThan(2000);
  });

  it('never repeats a credential of the wrong type', () => {
    const request = {
      message,
      configuration: { taskPushNotificationConfig: { url: 'u', token: { secret: 'hush' } } },
    };
    expect(JSON.stringify(validateParams('SendMessage', request))).not.toContain('hush');
  });

  it('reports the form that comes closest where several are allowed', () => {
    const steps = [{ id: 'a', use: { agent: 'x' }, join: { atLeast: 0 } }];
    const result = validateDocument('WorkflowDefinition', { id: 'w', name: 'W', steps });
    const join = result.ok ? [] : result.violations.filter(({ field }) => field.startsWith('steps[0].join'));
    expect(join.map(({ field }) => field)).toEqual(['steps[0].join.atLeast']);
  });

  it('refuses a name that no schema has', () => {
    const error = catching(() => validateDocument('toString' as 'Task', {}));
    expect(isProtocolError(error, 'unknown-document')).toBe(true);
  });
});

describe('the parameters and results of methods', () => {
  it('checks params by method, and takes absent ones for an empty object', () => {
    expect(validateParams('SendMessage', { message })).toEqual({ ok: true, value: { message } });
    expect(validateParams('ListTasks', undefined)).toEqual({ ok: true, value: {} });
    expect(validateParams('GetTask', undefined)).toMatchObject({ ok: false, violations: [{ field: 'id' }] });
    expect(validateParams('GetTask', null)).toMatchObject({ ok: false });
  });

  it('gives violations that fit a JSON-RPC error', () => {
    const result = validateParams('SendMessage', { message: { ...message, parts: [] } });
    const error = invalidParams(result.ok ? [] : result.violations);
    expect(error).toMatchObject({
      code: -32602,
      data: [{ fieldViolations: [{ field: 'message.parts', description: 'needs at least 1 entry' }] }],
    });
  });

  it('checks results by method', () => {
    expect(validateResult('SendMessage', { task })).toMatchObject({ ok: true });
    expect(validateResult('SendMessage', task)).toMatchObject({ ok: false });
    expect(validateResult('GetTask', task)).toMatchObject({ ok: true });
  });

  it('takes null and {} for the empty result', () => {
    expect(validateResult('DeleteTaskPushNotificationConfig', null)).toEqual({ ok: true, value: null });
    expect(validateResult('DeleteTaskPushNotificationConfig', {})).toEqual({ ok: true, value: null });
    expect(validateResult('DeleteTaskPushNotificationConfig', [])).toMatchObject({ ok: false });
  });
});

describe('writing', () => {
  it('keeps the fields of a newer writer through a round trip', () => {
    const text = JSON.stringify({ ...task, laterField: { a: [null] } });
    const read = decodeDocument('Task', text);
    expect(read.ok && encodeDocument('Task', read.value)).toBe(text);
  });

  it('throws an error that names every field at fault', () => {
    const broken = {
      ...task,
      id: '',
      status: { state: 'TASK_STATE_WORKING', timestamp: '2026-01-01T00:00:00+01:00' },
    };
    const error = catching(() => assertValid('Task', broken));
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code: 'invalid-document', field: 'id' });
    expect((error as ProtocolError).violations.map(({ field }) => field)).toEqual(['id', 'status.timestamp']);
  });

  it('refuses numbers that JSON cannot carry', () => {
    const sample = {
      schemaVersion: 1,
      deviceId: 'd',
      at: '2026-01-01T00:00:00Z',
      seq: 0,
      channels: { rms: Number.NaN },
    };
    expect(catching(() => encodeDocument('Telemetry', sample as never))).toMatchObject({
      field: 'channels.rms',
      message: expect.stringContaining('NaN'),
    });
  });
});

function catching(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
