import { once } from 'node:events';
import { connect } from 'node:net';

import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { RegistrySettings } from '../src/index.ts';
import { cardText } from '../test/cards.ts';
import { ApiBroker, basic, CARD, LIST } from './api-broker.ts';

let api: ApiBroker;

async function startBroker(registry: RegistrySettings): Promise<void> {
  api = await ApiBroker.start(registry);
}

afterEach(async () => {
  await api.broker.stop();
});

describe('access to the management API', () => {
  beforeEach(() => startBroker({}));

  it('needs a credential for everything but probes and login', async () => {
    const paths = [
      '/api/v5/a2a/cards/list',
      '/api/v5/openapi.json',
      '/metrics',
      '/api/v5/configs/a2a_registry',
      '/x',
      '/',
    ];
    const wrong = ['', 'Basic', 'Basic !!!', basic('nobody'), basic('admin', 'no'), 'Bearer x', 'Digest x'];
    for (const path of paths) {
      for (const authorization of path === paths[0] ? wrong : ['']) {
        const response = await fetch(
          api.url + path,
          authorization === '' ? {} : { headers: { authorization } },
        );
        expect([path, authorization, response.status]).toEqual([path, authorization, 401]);
        expect(response.headers.get('www-authenticate')).toContain('Basic');
        expect(await response.json()).toHaveProperty('code');
      }
    }
    for (const path of ['/healthz', '/livez', '/readyz']) {
      const response = await fetch(api.url + path);
      expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }]);
    }
  });

  it('exchanges an API key for a bearer token', async () => {
    const login = (password: string): Promise<Response> =>
      fetch(`${api.url}/api/v5/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username: 'reader', password }),
      });
    expect((await login('wrong')).status).toBe(401);
    const { token } = (await (await login('secret')).json()) as { token: string };
    const headers = { authorization: `Bearer ${token}` };
    expect((await fetch(`${api.url}/api/v5${LIST}`, { headers })).status).toBe(200);
    expect((await fetch(`${api.url}/api/v5${CARD}/o/u/a`, { headers, method: 'DELETE' })).status).toBe(403);
  });

  it('lets a viewer read only, and a tenant not configure', async () => {
    expect((await api.call('reader', 'GET', LIST)).status).toBe(200);
    expect((await api.register('reader', 'o/u/a')).status).toBe(403);
    expect((await api.call('tenant', 'PUT', '/configs/a2a_registry', { enable: false })).status).toBe(403);
  });

  it('slows down who guesses secrets', async () => {
    const guess = async (): Promise<number> => {
      const authorization = basic('admin', String(Math.random()));
      return (await fetch(`${api.url}/api/v5${LIST}`, { headers: { authorization } })).status;
    };
    const answers = await Promise.all(Array.from({ length: 12 }, guess));
    expect(answers.filter((status) => status === 429).length).toBeGreaterThanOrEqual(7);
  });

  it('refuses unknown paths and methods, large bodies and other types', async () => {
    expect((await api.call('admin', 'GET', '/nothing')).status).toBe(404);
    expect((await api.call('admin', 'POST', LIST, {})).status).toBe(405);
    expect((await api.call('admin', 'GET', `${CARD}/%FF/u/a`)).status).toBe(400);
    const large = await fetch(`${api.url}/api/v5${CARD}/o/u/a`, {
      method: 'POST',
      headers: { authorization: basic('admin'), 'content-type': 'application/json' },
      body: 'x'.repeat(3 * 1024 * 1024),
    }).then(
      ({ status }) => status,
      // The server may close before everything was sent.
      () => 413,
    );
    expect(large).toBe(413);
    const headers = { authorization: basic('admin'), 'content-type': 'text/plain' };
    const typed = await fetch(`${api.url}/api/v5${CARD}/o/u/a`, { method: 'POST', headers, body: '{}' });
    expect(typed.status).toBe(415);
  });

  it('lets go of a peer that never ends its headers', async () => {
    const { hostname, port } = new URL(api.url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n');
    const drip = setInterval(() => socket.write('x: y\r\n'), 200);
    socket.on('error', () => undefined);
    socket.resume();
    const closed = once(socket, 'close');
    await expect(closed).resolves.toBeDefined();
    clearInterval(drip);
  });
});

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { schema: object }>> }>
  >;
}

interface Document {
  readonly openapi: string;
  readonly components: object;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation | undefined>>>>;
}

describe('the OpenAPI description', () => {
  const PARAMS: Readonly<Record<string, string>> = { org_id: 'o', unit_id: 'u', agent_id: 'a' };
  const BODIES: Readonly<Record<string, unknown>> = {
    post: { card: cardText(), username: 'admin', password: 'secret' },
    put: { enable: true },
  };
  let document: Document;

  const send = (path: string, method: string, key: string): Promise<Response> => {
    const filled = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => PARAMS[name] as string);
    const body = BODIES[method];
    return fetch(api.url + filled, {
      method: method.toUpperCase(),
      headers: { authorization: basic(key), 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  };
  const operations = () =>
    Object.entries(document.paths).flatMap(([path, described]) =>
      ['get', 'put', 'post', 'delete'].map((method) => ({ path, method, operation: described[method] })),
    );

  beforeEach(async () => {
    await startBroker({});
    await api.register('admin', 'o/u/a');
    document = (await api.call('admin', 'GET', '/openapi.json')).body as Document;
  });

  it('is OpenAPI 3.1, by the schema that the specification publishes', async () => {
    const validator = new Validator();
    const judge = (value: object) => validator.validate(structuredClone(value) as Record<string, unknown>);
    expect(await judge(document)).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
    const { info: _, ...nameless } = document as Document & { info: unknown };
    expect((await judge(nameless)).valid).toBe(false);
    const [path = ''] = Object.keys(document.paths);
    const undescribed = { [path]: { get: { responses: { 200: {} } } } };
    expect((await judge({ ...document, paths: undescribed })).valid).toBe(false);
  });

  it('has every method of its paths', async () => {
    expect(document.openapi).toBe('3.1.0');
    for (const { path, method, operation } of operations()) {
      const { status } = await send(path, method, 'admin');
      expect([path, method, status === 405]).toEqual([path, method, operation === undefined]);
    }
  });

  it.each(['admin', 'nobody'])('is right about every answer that %s gets', async (key) => {
    const ajv = new Ajv2020({ strict: false });
    ajv.addSchema({ $id: 'api', components: document.components });
    for (const { path, method, operation } of operations()) {
      const response = operation === undefined ? undefined : await send(path, method, key);
      const described = operation?.responses[String(response?.status)];
      expect([path, method, response?.status, described === undefined]).toEqual([
        path,
        method,
        response?.status,
        operation === undefined,
      ]);
      const schema = described?.content?.['application/json']?.schema ?? {};
      const resolved = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"api#/')) as object;
      const isJson = response?.headers.get('content-type') === 'application/json';
      const value: unknown = isJson ? await response?.json() : await response?.text();
      expect([path, ajv.validate(resolved, value), ajv.errorsText()]).toEqual([path, true, 'No errors']);
    }
  });
});
