import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createEmqxApi } from './emqx-api.ts';

const ADDRESS = { org: 'o', unit: 'u', agentId: 'a' };
const cleanUp: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const work of cleanUp.splice(0).toReversed()) await work();
});

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

/** Answers over real HTTP with what EMQX 6.2.2 answers, and remembers what was asked. */
async function emqx(answers: (asked: Asked) => { status: number; body?: unknown }) {
  const asked: Asked[] = [];
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const text = await bodyOf(request);
    const { method = '', url: path = '', headers } = request;
    const one = {
      method,
      path,
      authorization: headers.authorization,
      body: text === '' ? undefined : JSON.parse(text),
    };
    asked.push(one);
    const { status, body } = answers(one);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  };
  const server = createServer((request, response) => void respond(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp.push(() => new Promise((resolve) => server.close(() => resolve())));
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

const listed = {
  namespace: 'global',
  id: 'o/u/a',
  org_id: 'o',
  unit_id: 'u',
  agent_id: 'a',
  name: 'A',
  status: 'online',
  raw: '{"name":"A"}',
};

describe("EMQX's REST API", () => {
  it('lists cards, filtered, with the credentials of an API key', async () => {
    const { url, asked } = await emqx(() => ({
      status: 200,
      body: [listed, { ...listed, namespace: null, status: 'offline' }],
    }));
    const api = createEmqxApi({ url, apiKey: { key: 'k', secret: 's' }, namespace: 'acme' });
    const cards = await api.list({ org: 'o', unit: 'u', onlyGlobal: true });
    expect(cards).toEqual([
      { address: ADDRESS, namespace: undefined, clientId: 'o/u/a', status: 'online', raw: '{"name":"A"}' },
      { address: ADDRESS, namespace: undefined, clientId: 'o/u/a', status: 'offline', raw: '{"name":"A"}' },
    ]);
    expect(asked).toEqual([
      {
        method: 'GET',
        path: '/api/v5/a2a/cards/list?org_id=o&unit_id=u&ns=acme&only_global=true',
        authorization: `Basic ${Buffer.from('k:s').toString('base64')}`,
        body: undefined,
      },
    ]);
  });

  it('registers with the card as a string, reads and deletes it', async () => {
    const { url, asked } = await emqx(({ method }) =>
      method === 'GET' ? { status: 200, body: listed } : { status: 204 },
    );
    const api = createEmqxApi({ url, token: 't' });
    await api.register(ADDRESS, { name: 'A' });
    await expect(api.get(ADDRESS)).resolves.toMatchObject({ status: 'online' });
    await api.unregister(ADDRESS);
    expect(asked.map(({ method, path, body }) => [method, path, body])).toEqual([
      ['POST', '/api/v5/a2a/cards/card/o/u/a', { card: '{"name":"A"}' }],
      ['GET', '/api/v5/a2a/cards/card/o/u/a', undefined],
      ['DELETE', '/api/v5/a2a/cards/card/o/u/a', undefined],
    ]);
    expect(asked[0]?.authorization).toBe('Bearer t');
  });

  it('reads and writes the configuration', async () => {
    const { url, asked } = await emqx(({ body }) => ({
      status: 200,
      body: body ?? { enable: false, validate_schema: true },
    }));
    const api = createEmqxApi({ url });
    await expect(api.config()).resolves.toEqual({ enable: false, validateSchema: true });
    await expect(api.configure({ enable: true, validateSchema: false })).resolves.toEqual({
      enable: true,
      validateSchema: false,
    });
    expect(asked[1]).toMatchObject({ method: 'PUT', path: '/api/v5/configs/a2a_registry' });
  });

  it.each([
    [503, 'SERVICE_UNAVAILABLE', 'Not enabled', 'registry-disabled', 'a2a_registry.enable'],
    [404, 'NOT_FOUND', 'Card not found', 'api-not-found', 'Card not found'],
    [400, 'BAD_REQUEST', 'Card does not conform to schema', 'api-refused', 'conform to schema'],
    [401, 'BAD_API_KEY_OR_SECRET', 'Check api_key', 'api-unauthorized', 'connections'],
    [403, 'FORBIDDEN', 'no', 'api-unauthorized', 'namespace'],
    [500, 'INTERNAL', 'oops', 'api-failed', 'oops'],
  ])('%d %s is a typed error that repeats why', async (status, code, message, expected, text) => {
    const { url } = await emqx(() => ({ status, body: { code, message } }));
    const failed = createEmqxApi({ url }).get(ADDRESS);
    await expect(failed).rejects.toMatchObject({ code: expected, status });
    await expect(failed).rejects.toThrow(text);
  });

  it('never sends an id that EMQX would take for a wildcard', async () => {
    const { url, asked } = await emqx(() => ({ status: 204 }));
    const api = createEmqxApi({ url });
    for (const agentId of ['+', '#', 'a/b', '']) {
      await expect(api.unregister({ ...ADDRESS, agentId })).rejects.toMatchObject({
        code: 'invalid-identifier',
      });
    }
    expect(asked).toEqual([]);
  });

  it('an answer that is something else, and no answer at all, are api-failed', async () => {
    const { url } = await emqx(({ path }) => ({
      status: 200,
      body: path.includes('list') ? { not: 'a list' } : '<html>',
    }));
    await expect(createEmqxApi({ url }).list()).rejects.toMatchObject({ code: 'api-failed' });
    await expect(createEmqxApi({ url }).get(ADDRESS)).rejects.toMatchObject({ code: 'api-failed' });
    const nobody = createEmqxApi({ url: 'http://127.0.0.1:1', timeoutMs: 1_000 }).list();
    await expect(nobody).rejects.toMatchObject({ code: 'api-failed' });
  });
});
