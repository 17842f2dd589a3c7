import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import type { InboundMessage, Link } from '@shoal/mqtt-link';
import { silentLogger } from '@shoal/mqtt-link';
import type { StreamResponse } from '@shoal/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { memoryTaskStore } from '../io/memory-task-store.ts';
import type { ResponderOptions } from '../io/responder.ts';
import { Responder } from '../io/responder.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { isPublicAddress } from './address-guard.ts';
import { httpPush } from './http-push.ts';

const cleanUp: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const work of cleanUp.splice(0).toReversed()) await work();
});

interface Seen {
  readonly headers: IncomingHttpHeaders;
  readonly item: StreamResponse;
}

/** A receiver that answers with the given status codes, then with 204. */
async function receiver(...statuses: readonly number[]) {
  const seen: Seen[] = [];
  const answers = [...statuses];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push({ headers: request.headers, item: JSON.parse(body) as StreamResponse });
      response.writeHead(answers.shift() ?? 204, { location: 'http://127.0.0.1:1/' }).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.push(
    () => void server.close(),
    () => server.closeAllConnections(),
  );
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  const states = () => seen.map(({ item }) => item.task?.status.state ?? item.statusUpdate?.status.state);
  return { url, seen, states };
}

/** A responder without a broker; `ask` returns the reply to one request. */
function responder(options: Partial<ResponderOptions> = {}) {
  const replies = new Map<string, (reply: Reply) => void>();
  const publish = (_topic: string, payload: string) => {
    const reply = JSON.parse(payload) as Reply & { readonly id: string };
    replies.get(reply.id)?.(reply);
    return Promise.resolve({ reasonCode: 0, noMatchingSubscribers: false });
  };
  const clock = new FakeClock();
  const under = new Responder({
    link: { publish } as unknown as Link,
    clock,
    logger: silentLogger,
    newId: () => randomUUID(),
    store: memoryTaskStore(),
    handle: (task) => (task.text === 'ask' ? task.inputRequired('Which?') : 'done'),
    requester: () => {
      throw new Error('not used');
    },
    concurrency: 4,
    maxQueued: 8,
    taskTimeoutMs: 0,
    requiredExtensions: () => [],
    supportedExtensions: () => [],
    push: { transport: httpPush({ allowHttp: true, allowPrivate: true }) },
    ...options,
  });
  cleanUp.push(() => under.stop(0));
  const ask = (method: string, params: object): Promise<Reply> => {
    const id = randomUUID();
    return new Promise((resolve) => {
      replies.set(id, resolve);
      void under.receive({
        topic: 't',
        payload: new TextEncoder().encode(JSON.stringify({ jsonrpc: '2.0', id, method, params })),
        responseTopic: 'reply',
        correlationData: new Uint8Array([1]),
        userProperties: {},
        receivedAtMs: 0,
      } as unknown as InboundMessage);
    });
  };
  return { under, ask, clock };
}

interface Reply {
  readonly result: Record<string, never>;
  readonly error: { readonly code: number; readonly data: unknown };
}

function send(text: string, push?: object) {
  const message = { messageId: randomUUID(), role: 'ROLE_USER', parts: [{ text }], taskId: randomUUID() };
  return { message, configuration: { taskPushNotificationConfig: push } };
}

describe('push notifications', () => {
  it('A2A §4.3.3: every update of a task is posted as a StreamResponse, in order, with token and authentication', async () => {
    const { url, seen, states } = await receiver();
    const { ask } = responder();
    const authentication = { scheme: 'Bearer', credentials: 'for the receiver' };
    const sent = send('x', { url, token: 'once', authentication });
    await ask('SendMessage', sent);
    await expect.poll(() => states()).toEqual(['TASK_STATE_WORKING', undefined, 'TASK_STATE_COMPLETED']);
    expect(seen[1]?.item.artifactUpdate?.artifact.parts).toEqual([{ text: 'done' }]);
    expect(seen[0]?.item.statusUpdate?.taskId).toBe(sent.message.taskId);
    expect(seen[0]?.headers).toMatchObject({
      'content-type': 'application/a2a+json',
      'x-a2a-notification-token': 'once',
      authorization: 'Bearer for the receiver',
    });
  });

  it('A2A §3.1.7 to §3.1.10: configurations are made, shown without their credentials, listed by pages and deleted', async () => {
    const { url, states } = await receiver();
    const { ask } = responder();
    const sent = send('ask');
    const { taskId } = sent.message;
    await ask('SendMessage', sent);
    const create = (config: object) => ask('CreateTaskPushNotificationConfig', { taskId, ...config });
    const authentication = { scheme: 'Basic', credentials: 'secret' };
    const made = await create({ url, id: 'a', authentication });
    expect(made.result).toEqual({ url, id: 'a', taskId, authentication: { scheme: 'Basic' } });
    for (const id of ['b', 'c']) await create({ url, id });
    expect((await create({ url })).result['id']).toMatch(/^[0-9a-f-]{36}$/);
    const list = (page: object) => ask('ListTaskPushNotificationConfigs', { taskId, ...page });
    const first = (await list({ pageSize: 3 })).result as never as {
      configs: { id: string }[];
      nextPageToken: string;
    };
    expect(first.configs.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    const rest = (await list({ pageSize: 3, pageToken: first.nextPageToken }))
      .result as never as typeof first;
    expect([rest.configs.length, rest.nextPageToken]).toEqual([1, '']);
    const all = [...first.configs, ...rest.configs].map(({ id }) => id);
    for (const id of [...all, 'a']) {
      expect((await ask('DeleteTaskPushNotificationConfig', { taskId, id })).result).toBeNull();
    }
    expect((await ask('GetTaskPushNotificationConfig', { taskId, id: 'a' })).error.code).toBe(-32001);
    expect((await list({})).result['configs']).toEqual([]);
    expect((await ask('ListTaskPushNotificationConfigs', { taskId: randomUUID() })).error.code).toBe(-32001);
    expect((await list({ pageToken: 'nonsense' })).error.code).toBe(-32602);
    await ask('CancelTask', { id: taskId });
    expect(states()).toEqual([]);
  });

  it('a configuration that cannot be used is refused by field, and one too many too', async () => {
    const { ask } = responder({ push: { transport: httpPush() } });
    const sent = send('ask');
    await ask('SendMessage', sent);
    const { taskId } = sent.message;
    const create = async (config: object) =>
      JSON.stringify((await ask('CreateTaskPushNotificationConfig', { taskId, ...config })).error);
    const url = 'https://example.com/hook';
    expect(await create({ url: 'http://example.com/' })).toContain('"field":"url"');
    expect(await create({ url, token: 'a\nb' })).toContain('"field":"token"');
    expect(await create({ url, authentication: { scheme: 'two words' } })).toContain('authentication.scheme');
    for (let n = 0; n < 16; n += 1) expect(await create({ url, id: `${n}` })).toBeUndefined();
    expect(await create({ url })).toContain('at most 16');
    expect(await create({ url, id: '3' })).toBeUndefined();
    const inline = await ask('SendMessage', send('x', { url: 'https://10.1.2.3/' }));
    expect(JSON.stringify(inline.error)).toContain('private');
  });

  it('is posted again after 1, 4, 15 and 60 s when the receiver fails, and then given up', async () => {
    const { url, seen } = await receiver(500, 503, 429, 408, 500);
    const { ask, clock } = responder({ handle: (task) => task.reject('no') });
    await ask('SendMessage', send('x', { url }));
    const waits: number[] = [];
    for (let attempt = 1; attempt < 5; attempt += 1) {
      await expect.poll(() => clock.dueInMs().length).toBe(1);
      const [wait = 0] = clock.dueInMs();
      waits.push(wait);
      clock.advance(wait);
    }
    for (const [index, base] of [1_000, 4_000, 15_000, 60_000].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(base * 0.8);
      expect(waits[index]).toBeLessThanOrEqual(base * 1.2);
    }
    // The next update follows the one that was given up.
    await expect.poll(() => seen.length).toBe(6);
    expect(seen.slice(0, 5).map(({ item }) => item)).toEqual(Array.from({ length: 5 }, () => seen[0]?.item));
    expect(seen[5]?.item.statusUpdate?.status.state).toBe('TASK_STATE_REJECTED');
  });

  it.each([
    { name: 'answers 410', answers: [410], posts: 1 },
    { name: 'refuses three updates in a row', answers: [400, 302, 404], posts: 3 },
  ])('a receiver that $name is not called again', async ({ answers, posts }) => {
    const { url, seen } = await receiver(...answers);
    let goOn: () => void = () => undefined;
    const { ask } = responder({
      handle: async (task) => {
        await task.progress('1');
        await task.progress('2');
        await new Promise<void>((resolve) => (goOn = resolve));
        await task.progress('3');
      },
    });
    const sent = send('x', { url });
    const done = ask('SendMessage', sent);
    const { taskId } = sent.message;
    await expect
      .poll(async () => (await ask('ListTaskPushNotificationConfigs', { taskId })).result['configs'])
      .toEqual([]);
    goOn();
    await done;
    expect(seen.length).toBe(posts);
  });

  it('to a receiver that is slower than the task, the task itself stands for the updates that do not fit', async () => {
    const { url, states, seen } = await receiver(500);
    const { ask, clock } = responder({
      push: { transport: httpPush({ allowHttp: true, allowPrivate: true }), profile: { maxQueued: 3 } },
      handle: async (task) => {
        for (let n = 0; n < 10; n += 1) await task.progress(`${n}`);
      },
    });
    await ask('SendMessage', send('x', { url }));
    await expect.poll(() => clock.dueInMs().length).toBe(1);
    clock.advance(1_200);
    await expect.poll(() => states().at(-1)).toBe('TASK_STATE_COMPLETED');
    expect(seen.length).toBeLessThanOrEqual(5);
  });

  it('A2A §4.3.3: a receiver that was not told the end before the agent died is told by its successor, once', async () => {
    const store = memoryTaskStore();
    const down = 'http://127.0.0.1:1/';
    const first = responder({ store });
    const sent = send('x', { url: down, id: 'a' });
    await first.ask('SendMessage', sent);
    await first.under.stop(0);
    const { url, states } = await receiver();
    const record = await store.load(sent.message.taskId);
    Object.assign(record?.push?.[0]?.config ?? {}, { url });
    const second = responder({ store });
    await second.under.recover();
    await expect.poll(() => states()).toEqual(['TASK_STATE_COMPLETED']);
    await second.under.stop(1_000);
    const third = responder({ store });
    await third.under.recover();
    await third.under.stop(0);
    expect(states()).toHaveLength(1);
  });

  it('without push every operation on configurations is declined, whatever its parameters', async () => {
    const { ask } = responder({ push: undefined });
    for (const verb of ['Create', 'Get', 'Delete'])
      expect((await ask(`${verb}TaskPushNotificationConfig`, {})).error.code).toBe(-32003);
    expect((await ask('ListTaskPushNotificationConfigs', {})).error.code).toBe(-32003);
    expect((await ask('SendMessage', send('x', { url: 'https://example.com/' }))).error.code).toBe(-32003);
  });
});

describe('the guard of httpPush', () => {
  it.each([
    'http://example.com/',
    'ftp://example.com/',
    'https://user:pass@example.com/',
    'https://127.0.0.1/',
    'https://0x7f.1/',
    'https://2130706433/',
    'https://10.0.0.1/',
    'https://172.31.255.255/',
    'https://192.168.1.1/',
    'https://169.254.169.254/latest/meta-data/',
    'https://100.64.0.1/',
    'https://0.0.0.0/',
    'https://[::1]/',
    'https://[::]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[64:ff9b::10.0.0.1]/',
    'https://[fe80::1]/',
    'https://[fd00::1]/',
    'not a url',
  ])('refuses %s', (url) => {
    expect(httpPush().refusal(url)).toBeTypeOf('string');
  });

  it('lets public addresses and names through, and asks the application last', () => {
    expect(httpPush().refusal('https://example.com/hook')).toBeUndefined();
    expect(httpPush().refusal('https://[2606:4700::1111]/')).toBeUndefined();
    expect(isPublicAddress('::ffff:8.8.8.8')).toBe(true);
    const named = httpPush({ allow: ({ hostname }) => hostname === 'hooks.example' });
    expect(named.refusal('https://hooks.example/')).toBeUndefined();
    expect(named.refusal('https://example.com/')).toContain('not a receiver');
  });

  it('refuses a name that leads to a private address, also as one of several, without connecting', async () => {
    const { url, seen } = await receiver();
    const port = new URL(url).port;
    for (const addresses of [['127.0.0.1'], ['8.8.8.8', '127.0.0.1']]) {
      const lookup = ((_name: string, _options: object, callback: (...all: unknown[]) => void) =>
        callback(
          null,
          addresses.map((address) => ({ address, family: 4 })),
        )) as never;
      const transport = httpPush({ allowHttp: true, lookup });
      const outcome = await transport.post({
        url: `http://innocent.example:${port}/`,
        headers: {},
        body: '{}',
        signal: new AbortController().signal,
      });
      expect(outcome).toMatchObject({ final: true });
      await transport.close?.();
    }
    expect(seen).toEqual([]);
  });

  it('does not follow a redirect, and ends a post that takes too long', async () => {
    const { url, seen } = await receiver(302);
    const transport = httpPush({ allowHttp: true, allowPrivate: true });
    const { signal } = new AbortController();
    expect(await transport.post({ url, headers: {}, body: '{}', signal })).toEqual({ status: 302 });
    expect(seen.length).toBe(1);
    const mute = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    cleanUp.push(
      () => void mute.close(),
      () => mute.closeAllConnections(),
    );
    const slow = httpPush({ allowHttp: true, allowPrivate: true, timeoutMs: 50 });
    const { port } = mute.address() as AddressInfo;
    const outcome = await slow.post({ url: `http://127.0.0.1:${port}/`, headers: {}, body: '{}', signal });
    expect(outcome).toEqual({ failure: 'no answer within 50 ms', final: false });
  });
});
