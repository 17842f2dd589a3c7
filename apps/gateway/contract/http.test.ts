import { TaskState, type Task } from '@a2a-js/sdk';
import { bearerTokens } from '@shoal/agent-sdk/security';
import type { ReceivedPush } from '@shoal/agent-sdk/push';
import { httpPush, pushKeysOf, pushSignaturesExtension, verifyPush } from '@shoal/agent-sdk/push';
import type { AgentCard } from '@shoal/protocol';
import type { JSONWebKeySet } from 'jose';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../src/index.ts';
import { createGateway } from '../src/index.ts';
import { BROKERS, Network, request } from './network.ts';

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- read like a JavaScript client reads it
  readonly body: any;
}

async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'a2a-version': '1.0', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

const rpc = (method: string, params: unknown): object => ({ jsonrpc: '2.0', id: 7, method, params });
const said = (text: string): object => ({
  message: { messageId: randomUUID(), role: 'ROLE_USER', parts: [{ text }] },
});

describe('the gateway on HTTP', () => {
  let broker: { readonly url: string; stop(): Promise<void> };
  let network: Network;

  beforeAll(async () => {
    broker = await BROKERS[0].start();
  });
  afterAll(() => broker.stop());
  beforeEach(() => {
    network = new Network(broker.url);
  });
  afterEach(() => network.end());

  async function open(
    options: Parameters<Network['gateway']>[0] = {},
  ): Promise<{ gateway: Gateway; base: string }> {
    await network.agent();
    const gateway = await network.gateway(options);
    return { gateway, base: network.baseOf(gateway) };
  }

  it('serves the card with its own two bindings, and says when it has not changed', async () => {
    const { gateway, base } = await open({ defaultAgent: 'obedient' });
    const response = await fetch(`${base}.well-known/agent-card.json`);
    const card = (await response.json()) as Record<string, unknown>;
    expect(card['name']).toBe('Obedient');
    expect(card['supportedInterfaces']).toEqual([
      { url: base, protocolBinding: 'JSONRPC', protocolVersion: '1.0' },
      { url: base.slice(0, -1), protocolBinding: 'HTTP+JSON', protocolVersion: '1.0' },
    ]);
    expect(JSON.stringify(card)).not.toContain('mqtt://');
    const etag = response.headers.get('etag') ?? '';
    const again = await fetch(`${base}.well-known/agent-card.json`, {
      headers: { 'if-none-match': etag, 'cache-control': 'max-age=0' },
    });
    expect(again.status).toBe(304);
    const root = await fetch(`${gateway.url}/.well-known/agent-card.json`);
    expect(await root.json()).toEqual(card);
  });

  it('lists the agents that it shows, with their presence', async () => {
    await network.agent({ agentId: 'hidden' });
    const { gateway } = await open({ expose: ({ agentId }) => agentId !== 'hidden' });
    const listed = (await (await fetch(`${gateway.url}/agents`)).json()) as { agents: { unit: string }[] };
    expect(listed.agents.filter(({ unit }) => unit === network.unit)).toEqual([
      {
        org: 'acme',
        unit: network.unit,
        agentId: 'obedient',
        name: 'Obedient',
        presence: expect.objectContaining({ state: 'online' }) as object,
        cardUrl: `${network.baseOf(gateway)}.well-known/agent-card.json`,
      },
    ]);
    const hidden = await post(network.baseOf(gateway, 'hidden'), rpc('SendMessage', said('x')));
    expect(hidden.status).toBe(404);
    for (const path of ['/acme/x/y/', '/acme/x', '/', '/a/b/%2B/.well-known/agent-card.json'])
      expect((await fetch(`${gateway.url}${path}`)).status).toBe(404);
  });

  it('JSON-RPC 2.0 §5.1: tells what is no JSON, no request, no method and no parameters apart', async () => {
    const { base } = await open();
    const codeOf = async (body: unknown): Promise<number> =>
      (await post(base, body)).body.error.code as number;
    expect(await codeOf('{nope')).toBe(-32700);
    for (const envelope of [
      '[1]',
      '"x"',
      '{"jsonrpc":"1.0","id":1,"method":"GetTask"}',
      '{"jsonrpc":"2.0","id":1}',
    ])
      expect(await codeOf(envelope)).toBe(-32600);
    expect(await codeOf(rpc('Nope', {}))).toBe(-32601);
    for (const params of [
      { message: { messageId: 'm', role: 'ROLE_USER', parts: [] } },
      { message: { messageId: '', role: 'ROLE_USER', parts: [{ text: 'x' }] } },
      { message: { messageId: 'm', role: 'ROLE_USER', parts: [{}] } },
    ])
      expect(await codeOf(rpc('SendMessage', params))).toBe(-32602);
  });

  it('A2A §5.4: says of a body that is no JSON by its type that it takes none such', async () => {
    const { base } = await open();
    const text = { 'content-type': 'text/plain' };
    expect((await post(base, rpc('SendMessage', said('x')), text)).body.error.code).toBe(-32005);
    const rest = await post(`${base}message:send`, said('x'), text);
    expect([rest.status, rest.body.error.details[0].reason]).toEqual([415, 'CONTENT_TYPE_NOT_SUPPORTED']);
  });

  it('A2A §3.1.6: a subscription to a task that waits for an answer goes on to the end of the task', async () => {
    const { gateway } = await open();
    const client = await network.client(gateway);
    const asked = (await client.sendMessage(request('ask'))) as Task;
    expect(asked.status?.state).toBe(TaskState.TASK_STATE_INPUT_REQUIRED);
    const watching = client.resubscribeTask({ tenant: '', id: asked.id });
    expect((await watching.next()).value?.payload?.$case).toBe('task');
    await client.sendMessage(request('ask this', { taskId: asked.id, contextId: asked.contextId }));
    const states: unknown[] = [];
    for await (const { payload } of watching)
      if (payload?.$case === 'task' || payload?.$case === 'statusUpdate')
        states.push(payload.value.status?.state);
    expect(states.at(-1)).toBe(TaskState.TASK_STATE_COMPLETED);
  });

  it('A2A §3.6: refuses versions other than 1.0, and takes a patch number for none', async () => {
    const { base } = await open();
    const ask = (version: string): Promise<Answer> =>
      post(base, rpc('GetTask', { id: randomUUID() }), { 'a2a-version': version });
    expect((await ask('2.0')).body.error.code).toBe(-32009);
    expect((await ask('1.0.7')).body.error.code).toBe(-32001);
  });

  it('takes no body that is too large, and no more requests than it may', async () => {
    const { base } = await open({ maxBodyBytes: 2_000, requestsPerMinute: 3 });
    const large = await post(base, rpc('SendMessage', said('x'.repeat(3_000))));
    expect([large.status, large.body.error.code]).toEqual([413, -32600]);
    expect((await post(`${base}message:send`, said('x'.repeat(3_000)))).status).toBe(413);
    expect((await post(base, rpc('GetTask', { id: randomUUID() }))).status).toBe(200);
    const more = await post(base, rpc('GetTask', { id: randomUUID() }));
    expect(more.status).toBe(429);
    expect(Number(more.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('lets pages of the named origins call, and no others', async () => {
    const { base } = await open({ corsOrigins: ['https://console.example'] });
    const allowed = async (origin: string): Promise<string | null> => {
      const headers = { origin, 'access-control-request-method': 'POST' };
      return (await fetch(base, { method: 'OPTIONS', headers })).headers.get('access-control-allow-origin');
    };
    expect(await allowed('https://console.example')).toBe('https://console.example');
    expect(await allowed('https://evil.example')).toBeNull();
  });

  it.each([
    ['*/*', 'application/json'],
    ['application/json', 'application/json'],
    ['application/a2a+json', 'application/a2a+json'],
    ['application/a2a+json, application/json', 'application/a2a+json'],
    ['text/html', 'application/json'],
  ])('answers HTTP+JSON to who accepts %s as %s, errors too', async (accept, type) => {
    const { base } = await open();
    const sent = await post(`${base}message:send`, said('hello'), { accept });
    const missing = await fetch(`${base}tasks/${randomUUID()}`, {
      headers: { accept, 'a2a-version': '1.0' },
    });
    expect(sent.headers.get('content-type')).toBe(`${type}; charset=utf-8`);
    expect([missing.status, missing.headers.get('content-type')]).toEqual([404, `${type}; charset=utf-8`]);
    expect((await post(base, rpc('GetTask', { id: 'x' }), { accept })).headers.get('content-type')).toContain(
      'application/json',
    );
  });

  it('tells the agent the tenant, a path parameter of HTTP+JSON and a field of JSON-RPC', async () => {
    await network.agent({ handle: ({ tenant }) => `tenant ${tenant}` });
    const gateway = await network.gateway();
    const base = `${gateway.url}/acme/${network.unit}/obedient/`;
    const answers = [
      (await post(`${base}north/message:send`, said('hello'))).body,
      (await post(base, rpc('SendMessage', { tenant: 'north', ...said('hello') }))).body.result,
      (await post(`${base}message:send`, said('hello'))).body,
    ];
    expect(answers.map(({ task }) => task.artifacts[0].parts[0].text)).toEqual([
      'tenant north',
      'tenant north',
      'tenant undefined',
    ]);
  });

  it('gives the call up when the client goes, and is not held by it', async () => {
    const { gateway, base } = await open({ maxOpen: 1 });
    const gone = new AbortController();
    const waiting = await fetch(base, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'a2a-version': '1.0' },
      body: JSON.stringify(rpc('SendStreamingMessage', said('hold'))),
      signal: gone.signal,
    });
    expect(waiting.headers.get('content-type')).toContain('text/event-stream');
    expect((await fetch(`${gateway.url}/agents`)).status).toBe(503);
    gone.abort();
    await expect.poll(async () => (await fetch(`${gateway.url}/agents`)).status).toBe(200);
  });

  it('says something on streams that are silent', async () => {
    const { base } = await open({ keepAliveMs: 20 });
    const gone = new AbortController();
    const response = await fetch(base, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'a2a-version': '1.0' },
      body: JSON.stringify(rpc('SendStreamingMessage', said('hold'))),
      signal: gone.signal,
    });
    let text = '';
    const decoder = new TextDecoder();
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    while (!text.includes('\n:\n')) {
      const { value, done } = await reader.read();
      if (done) break;
      text += decoder.decode(value);
    }
    expect(text).toContain('\n:\n');
    gone.abort();
  });

  it('ends streams when it stops, after what could be answered was answered', async () => {
    const { gateway, base } = await open();
    const slow = post(base, rpc('SendMessage', said('count 200')));
    const client = await network.client(gateway);
    const stream = client.sendMessageStream(request('hold'));
    await stream.next();
    const stopped = gateway.stop({ graceMs: 1_500 });
    expect((await slow).body.result.task.status.state).toBe('TASK_STATE_COMPLETED');
    const rest = (async () => {
      for await (const _ of stream);
    })();
    await expect(rest).rejects.toBeInstanceOf(Error);
    await stopped;
    await expect(fetch(`${gateway.url}/agents`)).rejects.toBeInstanceOf(Error);
  });

  it('has the updates of a task posted where the client wants them, signed with a key of the card', async () => {
    const bodies: object[] = [];
    const received: ReceivedPush[] = [];
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const sign = { key: await exportJWK(privateKey), keyId: 'site-2026' };
    const receiver = createServer((incoming, response) => {
      let text = '';
      incoming.on('data', (chunk) => (text += String(chunk)));
      incoming.on('end', () => {
        bodies.push({ token: incoming.headers['x-a2a-notification-token'], ...JSON.parse(text) });
        received.push({ url, headers: incoming.headers, body: text });
        response.end();
      });
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    network.onEnd(async () => receiver.close());
    await network.agent({
      agentId: 'pushing',
      card: {
        name: 'Pushing',
        description: 'Tells.',
        capabilities: { extensions: [pushSignaturesExtension(sign)] },
      },
      push: httpPush({ allowHttp: true, allowPrivate: true, sign }),
    });
    const gateway = await network.gateway();
    const client = await network.client(gateway, 'HTTP+JSON', 'pushing');
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    const push = { tenant: '', id: 'c', taskId: '', url, token: 't-1', authentication: undefined };
    const task = (await client.sendMessage({
      ...request('hello'),
      configuration: {
        acceptedOutputModes: [],
        taskPushNotificationConfig: push,
        historyLength: undefined,
        returnImmediately: false,
      },
    })) as Task;
    await expect
      .poll(() => bodies.some((body) => JSON.stringify(body).includes('TASK_STATE_COMPLETED')))
      .toBe(true);
    expect(JSON.stringify(bodies)).toContain(task.id);
    const shown = await fetch(`${network.baseOf(gateway, 'pushing')}.well-known/agent-card.json`);
    const keys = pushKeysOf((await shown.json()) as AgentCard);
    for (const each of received)
      expect(await verifyPush(each, keys)).toEqual({ ok: true, keyId: 'site-2026' });
    const { configs } = await client.listTaskPushNotificationConfig({
      tenant: '',
      taskId: task.id,
      pageSize: 0,
      pageToken: '',
    });
    expect(configs.map(({ id }) => id)).toEqual(['c']);
  });

  describe('tokens', () => {
    let jwks: JSONWebKeySet;
    let token: (subject: string) => Promise<string>;

    beforeAll(async () => {
      const { publicKey, privateKey } = await generateKeyPair('ES256');
      jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'k' }] };
      token = (subject) =>
        new SignJWT({ sub: subject, iss: 'https://issuer.example', aud: 'fleet' })
          .setProtectedHeader({ alg: 'ES256', kid: 'k' })
          .setExpirationTime('5m')
          .sign(privateKey);
    });
    const auth = (): ReturnType<typeof bearerTokens> =>
      bearerTokens({ issuer: 'https://issuer.example', audience: 'fleet', jwks, allowLoopback: true });

    it('reach the agent, which alone decides whose tasks are whose', async () => {
      await network.agent({ agentId: 'guarded', auth: auth() });
      const gateway = await network.gateway();
      const base = network.baseOf(gateway, 'guarded');
      const ask = async (method: string, params: object, subject?: string): Promise<Answer> =>
        post(
          base,
          rpc(method, params),
          subject === undefined ? {} : { authorization: `Bearer ${await token(subject)}` },
        );
      const refused = await ask('SendMessage', said('x'));
      expect(refused.status).toBe(401);
      expect(refused.headers.get('www-authenticate')).toBe('Bearer');
      expect(refused.body.error.data[0].reason).toBe('UNAUTHENTICATED');
      const { body } = await ask('SendMessage', said('x'), 'ada');
      const { id } = body.result.task;
      expect((await ask('GetTask', { id }, 'ada')).body.result.id).toBe(id);
      expect((await ask('GetTask', { id }, 'eve')).body.error.code).toBe(-32001);
      expect((await ask('ListTasks', {}, 'eve')).body.result.tasks).toEqual([]);
    });

    it('are asked for at the door when the gateway was told whose count', async () => {
      await network.agent();
      const gateway = await network.gateway({ auth: auth() });
      for (const [path, body] of [
        ['', rpc('SendMessage', said('x'))],
        ['message:send', said('x')],
      ] as const) {
        const url = `${network.baseOf(gateway)}${path}`;
        const refused = await post(url, body);
        expect(refused.status).toBe(401);
        expect(JSON.stringify(refused.body)).toContain('Authorization');
        expect((await post(url, body, { authorization: `Bearer ${await token('ada')}` })).status).toBe(200);
        expect((await post(url, body, { authorization: 'Bearer nonsense' })).status).toBe(401);
      }
    });

    it('stand in no line of the log', async () => {
      const lines: unknown[] = [];
      const log = (message: string, fields?: object): void => void lines.push([message, fields]);
      await network.agent({ agentId: 'guarded', auth: auth() });
      const gateway = await network.gateway({ logger: { debug: log, info: log, warn: log, error: log } });
      const secret = await token('ada');
      const url = network.baseOf(gateway, 'guarded');
      await post(url, rpc('SendMessage', said('x')), { authorization: `Bearer ${secret}` });
      await expect.poll(() => JSON.stringify(lines)).toContain('"operation":"SendMessage"');
      expect(JSON.stringify(lines)).not.toContain(secret);
    });
  });

  it('options that cannot work are refused by name', () => {
    const given = { url: broker.url, org: 'acme', unit: 'u' };
    expect(() => createGateway({ ...given, org: 'a/b' })).toThrow('org must be');
    expect(() => createGateway({ ...given, publicUrl: 'https://x/' })).toThrow('publicUrl must be');
  });
});
