import type { InboundMessage, Link, PublishOptions } from '@shoal/mqtt-link';
import { silentLogger } from '@shoal/mqtt-link';
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { memoryTaskStore } from './memory-task-store.ts';
import type { ResponderOptions } from './responder.ts';
import { Responder } from './responder.ts';
import type { TaskStore } from './task-store.ts';

/** A link that remembers what was published. */
function recordingLink() {
  const published: { payload: string; options: PublishOptions }[] = [];
  const link = {
    publish: (_topic: string, payload: string, options: PublishOptions) => {
      published.push({ payload, options });
      return Promise.resolve({ reasonCode: 0, noMatchingSubscribers: false });
    },
  } as unknown as Link;
  const replies = () => published.map(({ payload }) => JSON.parse(payload) as Record<string, never>);
  return { link, replies };
}

function responder(options: Partial<ResponderOptions> = {}) {
  const { link, replies } = recordingLink();
  const clock = new FakeClock();
  const it = new Responder({
    link,
    clock,
    logger: silentLogger,
    newId: () => randomUUID(),
    store: memoryTaskStore(),
    handle: () => 'done',
    requester: () => {
      throw new Error('not used');
    },
    concurrency: 1,
    maxQueued: 8,
    taskTimeoutMs: 60_000,
    requiredExtensions: () => [],
    supportedExtensions: () => [],
    ...options,
  });
  return { responder: it, replies, clock };
}

function request(method: string, params: unknown, fields: Partial<InboundMessage> = {}): InboundMessage {
  return {
    topic: 't',
    payload: new TextEncoder().encode(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })),
    qos: 1,
    retain: false,
    duplicate: false,
    responseTopic: 'reply',
    correlationData: new Uint8Array([1]),
    userProperties: {},
    receivedAtMs: 0,
    text: () => '',
    ...fields,
  };
}

function sendParams(taskId: string = randomUUID()) {
  return { message: { messageId: randomUUID(), role: 'ROLE_USER', parts: [{ text: 'x' }], taskId } };
}

/** A store whose commits wait for the test. */
function slowStore() {
  const store = memoryTaskStore();
  const waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const slow: TaskStore = {
    ...store,
    save: (record, importance) => {
      if (importance === 'progress') return undefined;
      return new Promise<void>((resolve, reject) => {
        waiting.push({ resolve: () => resolve(store.save(record, importance)), reject });
      });
    },
  };
  return { slow, waiting };
}

describe('write ahead', () => {
  it('neither acknowledges a request nor runs its handler before the task is stored', async () => {
    const { slow, waiting } = slowStore();
    let runs = 0;
    const handle = () => {
      runs += 1;
      return 'done';
    };
    const { responder: under, replies } = responder({ store: slow, handle });
    let acknowledged = false;
    const done = Promise.resolve(under.receive(request('SendMessage', sendParams()))).then(
      () => (acknowledged = true),
    );
    await Promise.resolve();
    expect({ acknowledged, runs }).toEqual({ acknowledged: false, runs: 0 });
    waiting.shift()?.resolve();
    await done;
    expect({ runs, replies: replies().length }).toEqual({ runs: 1, replies: 0 });
    waiting.shift()?.resolve();
    await expect.poll(() => replies().length).toBe(1);
  });

  it('answers a request that cannot be stored as unavailable, runs nothing, and takes its retry as new', async () => {
    const { slow, waiting } = slowStore();
    let runs = 0;
    const { responder: under, replies } = responder({ store: slow, handle: () => void (runs += 1) });
    const params = sendParams();
    const done = under.receive(request('SendMessage', params));
    waiting.shift()?.reject(new Error('disk full'));
    await done;
    expect(runs).toBe(0);
    expect(replies()).toMatchObject([{ error: { data: { a2a_error: 'responder_unavailable' } } }]);
    const retried = under.receive(request('SendMessage', params));
    waiting.shift()?.resolve();
    await retried;
    expect(runs).toBe(1);
  });

  it('a repeated request waits for the same commit and does not run twice', async () => {
    const { slow, waiting } = slowStore();
    let runs = 0;
    const { responder: under, replies } = responder({ store: slow, handle: () => void (runs += 1) });
    const params = sendParams();
    const both = [1, 2].map(() => under.receive(request('SendMessage', params)));
    waiting.shift()?.resolve();
    await both[0];
    waiting.shift()?.resolve();
    await both[1];
    await expect.poll(() => replies().length).toBe(2);
    expect(runs).toBe(1);
  });
});

describe('a handler', () => {
  it.each([
    { name: 'throws', handle: () => Promise.reject(new Error('boom')), text: 'boom' },
    { name: 'throws something that is no Error', handle: () => Promise.reject('odd'), text: 'odd' },
    {
      name: 'throws before it returns a promise',
      handle: () => {
        throw new Error('early');
      },
      text: 'early',
    },
    { name: 'returns parts that are no parts', handle: () => ({ parts: [{}] }) as never, text: 'parts[0]' },
  ])('that $name fails its task with a message', async ({ handle, text }) => {
    const { responder: under, replies } = responder({ handle });
    await under.receive(request('SendMessage', sendParams()));
    await expect.poll(() => replies().length).toBe(1);
    const { status } = (replies()[0] as unknown as { result: { task: { status: never } } }).result.task;
    expect(status).toMatchObject({ state: 'TASK_STATE_FAILED' });
    expect(JSON.stringify(status)).toContain(text);
  });

  it('that takes longer than the limit fails its task, is told by its signal, and loses its place when it does not listen', async () => {
    let signal: AbortSignal | undefined;
    const {
      responder: under,
      replies,
      clock,
    } = responder({
      handle: (task) => {
        signal ??= task.signal;
        return task.text === 'x' ? new Promise<never>(() => undefined) : undefined;
      },
    });
    await under.receive(request('SendMessage', sendParams()));
    clock.advance(60_000);
    expect(replies()).toMatchObject([{ result: { task: { status: { state: 'TASK_STATE_FAILED' } } } }]);
    expect(signal?.aborted).toBe(true);
    expect(under.running).toBe(1);
    clock.advance(10_000);
    await expect.poll(() => under.running).toBe(0);
  });

  it('that goes on after CancelTask is not heard any more', async () => {
    let goOn: (value: string) => void = () => undefined;
    const { responder: under, replies } = responder({
      handle: () => new Promise<string>((resolve) => (goOn = resolve)),
    });
    const params = sendParams();
    await under.receive(request('SendMessage', params));
    await under.receive(request('CancelTask', { id: params.message.taskId }));
    goOn('too late');
    await expect.poll(() => under.running).toBe(0);
    const states = replies().map((reply) => JSON.stringify(reply).match(/TASK_STATE_\w+/)?.[0]);
    expect(states).toEqual(['TASK_STATE_CANCELED', 'TASK_STATE_CANCELED']);
  });
});

describe('stop', () => {
  it('hands back what waits, cancels what does not end in time, and refuses what comes', async () => {
    const {
      responder: under,
      replies,
      clock,
    } = responder({ handle: () => new Promise<never>(() => undefined) });
    await under.receive(request('SendMessage', sendParams()));
    await under.receive(request('SendMessage', sendParams()));
    const stopped = under.stop(1_000);
    await expect.poll(() => clock.dueInMs().includes(1_000)).toBe(true);
    await under.receive(request('SendMessage', sendParams()));
    clock.advance(1_000);
    await stopped;
    expect(replies()).toMatchObject([
      { error: { code: -32004, data: { a2a_error: 'responder_unavailable' } } },
      { error: { code: -32004, data: { a2a_error: 'responder_unavailable' } } },
      { result: { task: { status: { state: 'TASK_STATE_CANCELED' } } } },
    ]);
  });

  it('hands back what runs too, if it is told to: the same message is new to a successor', async () => {
    const store = memoryTaskStore();
    let signal: AbortSignal | undefined;
    const { responder: under, replies } = responder({
      store,
      handle: (task) => {
        signal = task.signal;
        return new Promise<never>(() => undefined);
      },
    });
    const params = sendParams();
    await under.receive(request('SendMessage', params));
    await under.stop(0, 'hand-back');
    expect(replies()).toMatchObject([{ error: { data: { a2a_error: 'responder_unavailable' } } }]);
    expect(signal?.aborted).toBe(true);
    expect(await store.load(params.message.taskId)).toBeUndefined();
    const { responder: heir, replies: later } = responder({ store });
    await heir.receive(request('SendMessage', params));
    expect(later()).toMatchObject([{ result: { task: { status: { state: 'TASK_STATE_COMPLETED' } } } }]);
  });
});

describe('contexts', () => {
  it('C9: a context that was silent for its time is forgotten; one with a task at work is not', async () => {
    const {
      responder: under,
      replies,
      clock,
    } = responder({
      contextExpirySeconds: 60,
      handle: (task) => (task.text === 'hang' ? new Promise<never>(() => undefined) : 'done'),
      concurrency: 2,
    });
    const [done, hanging] = [sendParams(), sendParams()];
    Object.assign(hanging.message, { parts: [{ text: 'hang' }], contextId: 'busy' });
    for (const params of [done, hanging]) await under.receive(request('SendMessage', params));
    under.keepContexts();
    await expect.poll(() => clock.dueInMs().includes(60_000)).toBe(true);
    clock.advance(120_000);
    await expect.poll(() => clock.dueInMs().includes(60_000)).toBe(true);
    const ask = async (id: string) => {
      await under.receive(request('GetTask', { id }));
      return replies().at(-1);
    };
    expect(await ask(done.message.taskId)).toMatchObject({ error: { code: -32001 } });
    expect(await ask(hanging.message.taskId)).toMatchObject({ result: { contextId: 'busy' } });
    // The next message with that context begins a new one (profile: Context 5).
    await under.receive(request('SendMessage', done));
    expect(replies().at(-1)).toMatchObject({
      result: { task: { status: { state: 'TASK_STATE_COMPLETED' } } },
    });
    await under.stop(0);
  });
});
