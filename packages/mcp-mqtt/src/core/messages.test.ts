import { describe, expect, it } from 'vitest';
import { decodeMessage, decodeOnline, encodeOnline, isCapabilityChange } from './messages.ts';
import { requestTimeoutMs } from './timeouts.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const problemOf = (text: string): string => {
  const decoded = decodeMessage(bytes(text));
  return decoded.ok ? 'ok' : decoded.problem;
};

describe('decodeMessage', () => {
  it.each([
    '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    '{"jsonrpc":"2.0","method":"notifications/initialized","params":{}}',
    '{"jsonrpc":"2.0","id":"a","result":{}}',
    '{"jsonrpc":"2.0","id":0,"error":{"code":-32601,"message":"no"}}',
  ])('takes %s', (text) => {
    expect(problemOf(text)).toBe('ok');
  });

  it.each([
    ['', 'payload is not UTF-8 JSON'],
    ['{', 'payload is not UTF-8 JSON'],
    ['[]', 'one JSON object'],
    ['null', 'one JSON object'],
    ['{"id":1,"method":"ping"}', '"jsonrpc"'],
    ['{"jsonrpc":"2.0","id":{},"method":"ping"}', '"id"'],
    ['{"jsonrpc":"2.0","id":1,"method":7}', '"method"'],
    ['{"jsonrpc":"2.0","id":1,"method":"x","params":[]}', '"params"'],
    ['{"jsonrpc":"2.0"}', '"method" or "id"'],
    ['{"jsonrpc":"2.0","id":1}', '"result" (object) or "error"'],
    ['{"jsonrpc":"2.0","id":1,"error":{"code":1.5,"message":""}}', '"error.code"'],
    ['{"jsonrpc":"2.0","id":1,"error":{"code":1}}', '"error.message"'],
  ])('names what is wrong in %s', (text, problem) => {
    expect(problemOf(text)).toContain(problem);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(decodeMessage(Uint8Array.of(0xff, 0xfe)).ok).toBe(false);
  });

  it('keeps the id of a broken request, so that it can be answered', () => {
    expect(decodeMessage(bytes('{"jsonrpc":"1.0","id":7,"method":"x"}'))).toMatchObject({ ok: false, id: 7 });
    expect(decodeMessage(bytes('{"jsonrpc":"2.0","id":7,"result":3}'))).not.toHaveProperty('id');
  });
});

describe('the online notification', () => {
  it('survives a round trip, with the epoch apart from meta.rbac', () => {
    const meta = { rbac: { roles: [] } };
    const text = encodeOnline({ serverName: 'a/b', description: 'd', meta, epoch: 'e1' });
    expect(JSON.parse(text)).toMatchObject({
      method: 'notifications/server/online',
      params: { server_name: 'a/b' },
    });
    expect(decodeOnline(bytes(text), 'a/b')).toMatchObject({
      ok: true,
      value: { description: 'd', epoch: 'e1', meta },
    });
  });

  it('needs nothing but its method', () => {
    const text = '{"jsonrpc":"2.0","method":"notifications/server/online"}';
    expect(decodeOnline(bytes(text), 'a')).toEqual({
      ok: true,
      value: { serverName: 'a', description: '', meta: {} },
    });
    expect(decodeOnline(bytes('{"jsonrpc":"2.0","method":"x"}'), 'a').ok).toBe(false);
  });
});

it('list changes and resource updates go over the capability topic, nothing else', () => {
  const notification = (method: string) => ({ jsonrpc: '2.0' as const, method });
  expect(isCapabilityChange(notification('notifications/tools/list_changed'))).toBe(true);
  expect(isCapabilityChange(notification('notifications/resources/updated'))).toBe(true);
  expect(isCapabilityChange(notification('notifications/progress'))).toBe(false);
  expect(isCapabilityChange({ jsonrpc: '2.0', id: 1, method: 'roots/list_changed' })).toBe(false);
});

it('timeouts are those of the specification until told otherwise', () => {
  const defaults = {
    initialize: 30_000,
    ping: 10_000,
    'roots/list': 30_000,
    'resources/list': 30_000,
    'tools/list': 30_000,
    'prompts/list': 30_000,
    'prompts/get': 30_000,
    'sampling/createMessage': 60_000,
    'resources/read': 30_000,
    'resources/templates/list': 30_000,
    'resources/subscribe': 30_000,
    'tools/call': 60_000,
    'completion/complete': 60_000,
    'logging/setLevel': 30_000,
  };
  for (const [method, ms] of Object.entries(defaults))
    expect([method, requestTimeoutMs(method)]).toEqual([method, ms]);
  expect(requestTimeoutMs('tools/list', { default: 5 })).toBe(5);
  expect(requestTimeoutMs('ping', { default: 5 })).toBe(10_000);
  expect(requestTimeoutMs('ping', { ping: 0 })).toBe(0);
});
