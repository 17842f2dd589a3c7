import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { message, params } from '../core/request.ts';
import { at, isLast, stateOf, textOf, type Reply } from '../core/reply.ts';
import type { Client } from '../io/client.ts';
import type { ResponderStage } from '../io/responder-stage.ts';
import { brief, completes, COMPLETED, errorOf, last, send, stream } from './expectations.ts';
import type { ResponderScenario } from './scenario.ts';

const role = 'responder';
const WORKING = 'TASK_STATE_WORKING';
const CANCELED = 'TASK_STATE_CANCELED';

const ask = (stage: ResponderStage, client: Client, method: string, asked: unknown): Promise<Reply> =>
  client.request(stage.target, { method, params: asked }).next();

/** A task that is done, and its ids. */
async function done(stage: ResponderStage, client: Client, text = 'x') {
  const init = params(text);
  await completes(client.request(stage.target, { method: 'SendMessage', params: init }));
  return init.message;
}

/** A task at work, and the stream of it, read until something says that it works. */
async function working(stage: ResponderStage, client: Client, text: string) {
  const init = params(text);
  const exchange = client.request(stage.target, { method: 'SendStreamingMessage', params: init });
  await exchange.until((json) => stateOf(json) === WORKING || isLast(json));
  return { init, exchange, id: init.message.taskId };
}

export const responderTasks: readonly ResponderScenario[] = [
  {
    id: 'V39.get',
    role,
    title: 'GetTask answers with the task',
    requirements: ['X6', 'EM3'],
    async run(stage) {
      const client = await stage.requester();
      const { taskId, contextId } = await done(stage, client);
      const { json } = await ask(stage, client, 'GetTask', { id: taskId });
      equal(at(json, 'result', 'id'), taskId, brief(json));
      equal(at(json, 'result', 'contextId'), contextId);
      equal(at(json, 'result', 'status', 'state'), COMPLETED);
    },
  },
  {
    id: 'V39.history',
    role,
    title: 'GetTask with historyLength 0 shows no history',
    requirements: ['X6'],
    async run(stage) {
      const client = await stage.requester();
      const { taskId } = await done(stage, client);
      const { json } = await ask(stage, client, 'GetTask', { id: taskId, historyLength: 0 });
      equal(at(json, 'result', 'id'), taskId, brief(json));
      const history = at(json, 'result', 'history');
      ok(history === undefined || (history as unknown[]).length === 0, 'no history');
    },
  },
  {
    id: 'V39.unknown',
    role,
    title: 'GetTask for an unknown task is answered -32001 with an array of details',
    requirements: ['EM3'],
    async run(stage) {
      const client = await stage.requester();
      const error = errorOf((await ask(stage, client, 'GetTask', { id: randomUUID() })).json);
      equal(error.code, -32001, brief(error));
      ok(Array.isArray(error.data), 'error.data is an array (A2A §3.3.2)');
    },
  },
  {
    id: 'V40.cancel',
    role,
    title: 'CancelTask ends a running task, for the canceller and for the stream, and may be repeated',
    requirements: ['X2', 'ST5'],
    offers: ['slow'],
    async run(stage) {
      const client = await stage.requester();
      const { id, exchange } = await working(stage, client, 'slow 4000');
      for (const _ of [1, 2]) {
        const { json } = await ask(stage, client, 'CancelTask', { id });
        equal(at(json, 'result', 'id'), id, `the result is the task: ${brief(json)}`);
        equal(at(json, 'result', 'status', 'state'), CANCELED, brief(json));
      }
      equal(stateOf((await last(exchange)).json), CANCELED, 'the stream ends with CANCELED');
    },
  },
  {
    id: 'V40.stream',
    role,
    title: 'a canceled task ends its stream with CANCELED',
    requirements: ['ST5'],
    offers: ['slow'],
    async run(stage) {
      const client = await stage.requester();
      const { id, exchange } = await working(stage, client, 'slow 4000');
      await client.request(stage.target, { method: 'CancelTask', params: { id } }).next();
      equal(stateOf((await last(exchange)).json), CANCELED);
    },
  },
  {
    id: 'V40.completed',
    role,
    title: 'CancelTask for a completed task is answered -32002',
    requirements: ['EM3'],
    async run(stage) {
      const client = await stage.requester();
      const { taskId } = await done(stage, client);
      const { json } = await ask(stage, client, 'CancelTask', { id: taskId });
      equal(errorOf(json).code, -32002, brief(json));
    },
  },
  {
    id: 'V40.unknown',
    role,
    title: 'CancelTask for an unknown task is answered -32001',
    requirements: ['EM3'],
    async run(stage) {
      const client = await stage.requester();
      const { json } = await ask(stage, client, 'CancelTask', { id: randomUUID() });
      equal(errorOf(json).code, -32001, brief(json));
    },
  },
  {
    id: 'V41.pages',
    role,
    title: 'ListTasks pages through the tasks of a context, without artifacts',
    requirements: ['X4'],
    async run(stage) {
      const client = await stage.requester();
      const contextId = randomUUID();
      for (const text of ['1', '2', '3'])
        await completes(client.request(stage.target, send(text, { contextId })));
      const first = await ask(stage, client, 'ListTasks', { contextId, pageSize: 2 });
      const tasks = at(first.json, 'result', 'tasks') as unknown[] | undefined;
      equal(tasks?.length, 2, brief(first.json));
      ok(
        tasks.every((task) => at(task, 'artifacts') === undefined),
        'no artifacts unless asked for',
      );
      const pageToken = at(first.json, 'result', 'nextPageToken');
      ok(typeof pageToken === 'string' && pageToken !== '', 'a token for the next page');
      const { json } = await ask(stage, client, 'ListTasks', { contextId, pageSize: 2, pageToken });
      const rest = at(json, 'result', 'tasks') as unknown[] | undefined;
      equal(rest?.length, 1, brief(json));
      equal(at(json, 'result', 'nextPageToken'), '', 'the last page has an empty token');
      equal(new Set([...tasks, ...rest].map((task) => at(task, 'id'))).size, 3, 'three different tasks');
    },
  },
  ...[0, 101].map((pageSize): ResponderScenario => ({
    id: `V41.page-size-${pageSize}`,
    role,
    title: `ListTasks with page size ${pageSize} is answered -32602`,
    requirements: ['X4'],
    async run(stage) {
      const { json } = await ask(stage, await stage.requester(), 'ListTasks', { pageSize });
      equal(errorOf(json).code, -32602, brief(json));
    },
  })),
  {
    id: 'V46.once',
    role,
    title: 'a request that is sent again after the end is not executed again',
    requirements: ['RT4', 'ED1', 'M4'],
    offers: ['count'],
    async run(stage) {
      const client = await stage.requester();
      const key = randomUUID();
      const init = { method: 'SendMessage', params: params(`count ${key}`) };
      for (const _ of [1, 2]) await last(client.request(stage.target, init));
      const text = await completes(client.request(stage.target, send(`count ${key}`)));
      ok(text.includes(`${key}=2`), `the next count is 2: ${text}`);
    },
  },
  {
    id: 'V46.same',
    role,
    title: 'and is answered with the task as it is: same state, same artifact ids',
    requirements: ['RT5'],
    async run(stage) {
      const client = await stage.requester();
      const init = { method: 'SendMessage', params: params('once') };
      const first = await client.request(stage.target, init).until();
      const second = await client.request(stage.target, init).until();
      const ids = [...first, ...second].flatMap(({ json }) => artifactIds(json));
      ok(ids.length >= 2, 'both answers show the artifact');
      equal(new Set(ids).size, 1, `artifact ids ${ids.join(', ')}`);
    },
  },
  {
    id: 'V47.stream',
    role,
    title: 'a retry of a running stream gets the task and then the rest; both streams end',
    requirements: ['RT5', 'RT4'],
    offers: ['slow', 'count'],
    async run(stage) {
      const client = await stage.requester();
      const init = { method: 'SendStreamingMessage', params: params('slow 800') };
      const one = client.request(stage.target, init);
      await one.until((json) => stateOf(json) === WORKING || isLast(json));
      const two = client.request(stage.target, init);
      const [first, second] = await Promise.all([last(one), last(two)]);
      equal(stateOf(first.json), COMPLETED, 'the first stream');
      equal(stateOf(second.json), COMPLETED, 'the stream of the retry');
    },
  },
  {
    id: 'V47.blocking',
    role,
    title: 'a retry of a SendMessage that still runs: both get the one result, executed once',
    requirements: ['RT5', 'RT4'],
    offers: ['slow'],
    async run(stage) {
      const client = await stage.requester();
      const init = { method: 'SendMessage', params: params('slow 800') };
      const [one, two] = [client.request(stage.target, init), client.request(stage.target, init)];
      const [first, second] = await Promise.all([one.until(), two.until()]);
      for (const end of [first, second]) equal(stateOf(end?.at(-1)?.json), COMPLETED);
      const ids = [...first, ...second].flatMap(({ json }) => artifactIds(json));
      equal(new Set(ids).size, 1, `artifact ids ${ids.join(', ')}`);
    },
  },
  {
    id: 'V48.terminal',
    role,
    title: 'another message for a finished task is refused with -32004 UNSUPPORTED_OPERATION',
    requirements: ['X8'],
    async run(stage) {
      const client = await stage.requester();
      const { taskId, contextId } = await done(stage, client);
      const { json } = await last(client.request(stage.target, send('more', { taskId, contextId })));
      const error = errorOf(json);
      equal(error.code, -32004, brief(error));
      ok(Array.isArray(error.data), 'error.data is an array, so that it is not the binding’s -32004');
    },
  },
  {
    id: 'V54.order',
    role,
    title: 'a stream is the task, then the updates, then COMPLETED, all on one correlation',
    requirements: ['X3', 'ST1', 'ST2', 'ST3'],
    offers: ['chunks'],
    async run(stage) {
      const client = await stage.requester();
      const items = (await client.request(stage.target, stream('chunks')).until()).map(({ json }) => json);
      ok(at(items[0], 'result', 'task') !== undefined, `the first item is the task: ${brief(items[0])}`);
      const artifacts = items.map((json) => at(json, 'result', 'artifactUpdate')).filter(Boolean);
      deepEqual(
        artifacts.map((update) => [Boolean(at(update, 'append')), Boolean(at(update, 'lastChunk'))]),
        [
          [false, false],
          [true, true],
        ],
        'append and lastChunk of the two chunks',
      );
      deepEqual(
        artifacts.map((update) => at(update, 'artifact', 'parts', 0, 'text')),
        ['one', 'two'],
      );
      equal(stateOf(items.at(-1)), COMPLETED);
    },
  },
  {
    id: 'X3.first',
    role,
    title: 'a stream begins with the task',
    requirements: ['X3'],
    async run(stage) {
      const client = await stage.requester();
      const { json } = await client.request(stage.target, stream('x')).next();
      ok(at(json, 'result', 'task') !== undefined, brief(json));
    },
  },
  {
    id: 'V54.stream',
    role,
    title: 'SendStreamingMessage ends with COMPLETED, and nothing comes after it',
    requirements: ['ST1', 'ST2', 'ST5', 'Q1'],
    async run(stage) {
      const client = await stage.requester();
      const exchange = client.request(stage.target, stream('x'));
      const items = await exchange.until();
      equal(stateOf(items.at(-1)?.json), COMPLETED);
      await stage.quiet();
      equal(exchange.replies.length, items.length, 'nothing comes after the last item');
    },
  },
  {
    id: 'V54.thousand',
    role,
    title: 'the order of a thousand items is kept',
    requirements: ['ST1'],
    offers: ['progress'],
    extraMs: 10_000,
    async run(stage) {
      const client = await stage.requester();
      const items = await client.request(stage.target, stream('progress 1000')).until();
      const numbers = items
        .map(({ json }) => at(json, 'result', 'statusUpdate', 'status', 'message', 'parts', 0, 'text'))
        .filter((text) => typeof text === 'string' && /^\d+$/.test(text))
        .map(Number);
      deepEqual(
        numbers,
        Array.from({ length: 1000 }, (_, n) => n),
      );
    },
  },
  ...[
    { offer: 'fail' as const, state: 'TASK_STATE_FAILED' },
    { offer: 'reject' as const, state: 'TASK_STATE_REJECTED' },
  ].map(({ offer, state }): ResponderScenario => ({
    id: `V55.${offer}`,
    role,
    title: `what ends as ${state} says so, in a stream and in a reply`,
    requirements: ['ST5', 'EM3'],
    offers: [offer],
    async run(stage) {
      const client = await stage.requester();
      for (const init of [stream(`${offer} because`), send(`${offer} because`)])
        equal(stateOf((await last(client.request(stage.target, init))).json), state);
    },
  })),
  {
    id: 'V56.input',
    role,
    title: 'INPUT_REQUIRED ends its correlation; the answer goes on with the same task on the new one alone',
    requirements: ['M3', 'ST7'],
    offers: ['ask'],
    async run(stage) {
      const client = await stage.requester();
      const init = params('ask');
      const one = client.request(stage.target, { method: 'SendStreamingMessage', params: init });
      const items = await one.until();
      const asked = items.at(-1) as Reply;
      equal(stateOf(asked.json), 'TASK_STATE_INPUT_REQUIRED', brief(asked.json));
      const { taskId, contextId } = init.message;
      const two = client.request(stage.target, stream('the red one', { taskId, contextId }));
      const text = await completes(two);
      ok(text.includes('the red one'), 'the answer reached the task');
      equal(one.replies.length, items.length, 'nothing more on the first correlation');
    },
  },
  {
    id: 'V56.auth',
    role,
    title: 'AUTH_REQUIRED ends its correlation; the answer goes on with the same task',
    requirements: ['M3', 'ST7'],
    offers: ['authorize'],
    async run(stage) {
      const client = await stage.requester();
      const init = params('authorize');
      const asked = await last(
        client.request(stage.target, { method: 'SendStreamingMessage', params: init }),
      );
      equal(stateOf(asked.json), 'TASK_STATE_AUTH_REQUIRED', brief(asked.json));
      const { taskId, contextId } = init.message;
      await completes(client.request(stage.target, stream('me', { taskId, contextId })));
    },
  },
  {
    id: 'V57.vanished',
    role,
    title: 'a requester that vanishes does not stop the task: another one finds it completed',
    requirements: ['X6'],
    offers: ['slow'],
    async run(stage) {
      const gone = await stage.requester();
      const { id } = await working(stage, gone, 'slow 500');
      gone.wire.destroy();
      const client = await stage.requester();
      const deadline = performance.now() + stage.options.timeoutMs;
      for (;;) {
        const { json } = await ask(stage, client, 'GetTask', { id });
        if (at(json, 'result', 'status', 'state') === COMPLETED) return;
        ok(at(json, 'error') === undefined && performance.now() < deadline, brief(json));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
  },
  {
    id: 'V57.message',
    role,
    title: 'a stream that is one message has one item and leaves no task',
    requirements: ['X20'],
    offers: ['message'],
    async run(stage) {
      const client = await stage.requester();
      const init = params('message hello');
      const exchange = client.request(stage.target, { method: 'SendStreamingMessage', params: init });
      const { json } = await exchange.next();
      ok(textOf(json).includes('hello') && at(json, 'result', 'message') !== undefined, brief(json));
      const unknown = await ask(stage, client, 'GetTask', { id: init.message.taskId });
      equal(errorOf(unknown.json).code, -32001, 'there is no task');
      equal(exchange.replies.length, 1, 'items of the stream');
    },
  },
  {
    id: 'V58.subscribers',
    role,
    title:
      'subscribers of a task see the same items in the same order; one that leaves does not harm the other',
    requirements: ['X5'],
    offers: ['slow'],
    async run(stage) {
      const clients = [await stage.requester(), await stage.requester(), await stage.requester()];
      const [starter] = clients as [Client];
      const { id } = await working(stage, starter, 'slow 1200');
      const streams = clients.map((client) =>
        client.request(stage.target, { method: 'SubscribeToTask', params: { id } }),
      );
      for (const exchange of streams) {
        const { json } = await exchange.next();
        equal(at(json, 'result', 'task', 'id'), id, `the first item is the task: ${brief(json)}`);
      }
      clients[2]?.wire.destroy();
      const [one, two] = await Promise.all(streams.slice(0, 2).map((exchange) => exchange.until()));
      deepEqual(
        one?.map(({ json }) => at(json, 'result')),
        two?.map(({ json }) => at(json, 'result')),
      );
      equal(stateOf(one?.at(-1)?.json), COMPLETED);
    },
  },
  {
    id: 'V58.refused',
    role,
    title: 'SubscribeToTask for a finished task is answered -32004, for an unknown one -32001',
    requirements: ['X5', 'EM3'],
    async run(stage) {
      const client = await stage.requester();
      const { taskId } = await done(stage, client);
      equal(errorOf((await ask(stage, client, 'SubscribeToTask', { id: taskId })).json).code, -32004);
      equal(errorOf((await ask(stage, client, 'SubscribeToTask', { id: randomUUID() })).json).code, -32001);
    },
  },
  {
    id: 'V59.mismatch',
    role,
    title: 'a contextId that is not the task’s is answered -32602',
    requirements: ['C5', 'C6'],
    async run(stage) {
      const client = await stage.requester();
      const { taskId } = await done(stage, client);
      const { json } = await last(
        client.request(stage.target, send('x', { taskId, contextId: randomUUID() })),
      );
      equal(errorOf(json).code, -32602, brief(json));
    },
  },
  {
    id: 'V59.inferred',
    role,
    title: 'a message of a known task without contextId is answered with the task’s',
    requirements: ['C3'],
    async run(stage) {
      const client = await stage.requester();
      const init = params('x');
      await completes(client.request(stage.target, { method: 'SendMessage', params: init }));
      const { contextId, ...rest } = init.message;
      const { json } = await client
        .request(stage.target, { method: 'SendMessage', params: { message: rest } })
        .next();
      equal(contextOf(json), contextId, brief(json));
    },
  },
  {
    id: 'V59.generated',
    role,
    title: 'a task without contextId gets one that stays',
    requirements: ['C2', 'C3'],
    async run(stage) {
      const client = await stage.requester();
      const { contextId: _, ...rest } = message('x');
      const replies = await client
        .request(stage.target, { method: 'SendMessage', params: { message: rest } })
        .until();
      const ids = new Set(replies.map(({ json }) => contextOf(json)));
      equal(ids.size, 1, `context ids ${[...ids].map(String).join(', ')}`);
      const [id] = ids;
      ok(typeof id === 'string' && id !== '', `contextId ${brief(id)}`);
    },
  },
  {
    id: 'V59.property',
    role,
    title: 'a2a-context-id that is not the payload’s contextId is answered -32005',
    requirements: ['C8', 'EM4'],
    async run(stage) {
      const client = await stage.requester();
      const userProperties = { 'a2a-context-id': randomUUID() };
      const { json } = await client.request(stage.target, { ...send('x'), userProperties }).next();
      equal(errorOf(json).code, -32005, brief(json));
    },
  },
  {
    id: 'V59.side-by-side',
    role,
    title: 'two tasks of one context run side by side, each with its own id',
    requirements: ['M2', 'C4'],
    offers: ['slow'],
    async run(stage) {
      const client = await stage.requester();
      const contextId = randomUUID();
      const [slow, quick] = [params('slow 700', { contextId }), params('x', { contextId })];
      notEqual(slow.message.taskId, quick.message.taskId);
      const waiting = client.request(stage.target, { method: 'SendMessage', params: slow });
      const end = await last(client.request(stage.target, { method: 'SendMessage', params: quick }));
      equal(stateOf(end.json), COMPLETED);
      equal(contextOf(end.json), contextId);
      ok(!waiting.replies.some(({ json }) => isLast(json)), 'the slow one is still at work');
      await completes(waiting);
    },
  },
];

function contextOf(json: unknown): unknown {
  const about =
    at(json, 'result', 'task') ??
    at(json, 'result', 'statusUpdate') ??
    at(json, 'result', 'artifactUpdate') ??
    at(json, 'result', 'message');
  return at(about, 'contextId');
}

function artifactIds(json: unknown): unknown[] {
  const update = at(json, 'result', 'artifactUpdate', 'artifact', 'artifactId');
  if (update !== undefined) return [update];
  const artifacts = at(json, 'result', 'task', 'artifacts');
  return Array.isArray(artifacts) ? artifacts.map((artifact) => at(artifact, 'artifactId')) : [];
}
