import { deepEqual, equal, ok } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Task } from '@shoal/protocol';
import { poolRequestTopic, requestTopic } from '@shoal/protocol';
import { stateOf } from '../core/stream.ts';
import { createRequester } from '../io/requester.ts';
import type { AgentOptions } from '../io/agent-types.ts';
import { retainedTaskStore } from '../io/retained-task-store.ts';
import type { TaskContext } from '../io/task-context.ts';
import type { ContractCase, ContractSetting, TestAgent } from './contract-case.ts';
import { message, params } from './contract-case.ts';

const POOL = 'workers';
const COMPLETED = 'TASK_STATE_COMPLETED';

async function members(setting: ContractSetting, count: number, options: Partial<AgentOptions> = {}) {
  const made: TestAgent[] = [];
  for (let n = 0; n < count; n += 1) made.push(await setting.agent({ pools: [POOL], ...options }));
  const { org, unit } = (made[0] as TestAgent).address;
  const client = await setting.client();
  const address = setting.address('asker');
  const requester = createRequester({ link: client.link, address });
  setting.onEnd(() => requester.close());
  return { made, pool: { org, unit, poolId: POOL }, client, requester };
}

const idOf = (agent: TestAgent | undefined): string => agent?.address.agentId ?? '';

export const poolCases: readonly ContractCase[] = [
  {
    id: 'V60 T3 P1 P3 P9 RS2 RS10',
    title: 'each of twenty requests to a pool is handled by one member, which names itself on every reply',
    async run(setting) {
      const { made, pool, client, requester } = await members(setting, 3);
      const modes = new Set(made.map(({ agent }) => agent.poolMode));
      equal(modes.size, 1);
      const tasks = await Promise.all(
        Array.from({ length: 20 }, (_, n) => requester.send(pool, `${n}`) as Promise<Task>),
      );
      for (const { status } of tasks) equal(status.state, COMPLETED);
      equal(made.flatMap(({ runs }) => runs).length, 20);
      const stream = client.request(pool, { method: 'SendStreamingMessage', params: params('chunks') });
      const replies = await stream.until(({ result }) => stateOf(result) === COMPLETED);
      const names = new Set(replies.map((reply) => reply.message.userProperties['a2a-responder-agent-id']));
      equal(names.size, 1);
      ok(made.some((agent) => names.has(idOf(agent))));
      const { error, message: refusal } = await client.request(pool, { payload: '{nope' }).next();
      equal(error.code, -32700);
      ok(refusal.userProperties['a2a-responder-agent-id'] !== undefined);
    },
  },
  {
    id: 'V60 P10 RT5',
    title:
      'what follows about a pooled task reaches the member that has it; the same message again is not executed again',
    async run(setting) {
      const { made, pool, client, requester } = await members(setting, 3);
      const asked = (await requester.send(pool, 'ask')) as Task;
      equal((await requester.getTask(pool, { id: asked.id })).status.state, 'TASK_STATE_INPUT_REQUIRED');
      const done = (await requester.send(pool, { text: 'x', taskId: asked.id })) as Task;
      equal(done.status.state, COMPLETED);
      if (made[0]?.agent.poolMode !== 'claimed') return;
      // Members that agree among themselves also know who has a task when the requester does not.
      const runs = made.flatMap((member) => member.runs).length;
      const sent = params('once');
      for (const _ of [1, 2, 3]) {
        const { result } = await client.request(pool, { method: 'SendMessage', params: sent }).next();
        equal(result.task?.status.state, COMPLETED);
      }
      equal(made.flatMap((member) => member.runs).length, runs + 1);
    },
  },
  {
    id: 'V60 pool death',
    title:
      'a member that dies leaves the pool to the others, its own tasks included when they are sent again',
    async run(setting) {
      const { made, pool, client } = await members(setting, 2);
      const sent = params('x');
      const first = await client.request(pool, { method: 'SendMessage', params: sent }).next();
      const name = first.message.userProperties['a2a-responder-agent-id'];
      const dead = made.find((member) => idOf(member) === name);
      const heir = made.find((member) => member !== dead);
      dead?.agent.link.destroy();
      // The broker has noticed when the dead one's request topic has no subscriber.
      while (
        !(await client.link.publish(requestTopic((dead as TestAgent).address), '')).noMatchingSubscribers
      );
      for (const request of [params('y'), sent]) {
        const reply = await client.request(pool, { method: 'SendMessage', params: request }).next();
        equal(reply.message.userProperties['a2a-responder-agent-id'], idOf(heir));
        equal(reply.result.task?.status.state, COMPLETED);
      }
    },
  },
  {
    id: 'V60 pool stop',
    title: 'a member that stops takes no more requests of the pool, and the others do',
    async run(setting) {
      const { made, pool, requester } = await members(setting, 2);
      await made[0]?.agent.stop();
      for (let n = 0; n < 5; n += 1) await requester.send(pool, `${n}`);
      equal(made[1]?.runs.length, 5);
      equal(made[0]?.runs.length, 0);
    },
  },
  {
    id: 'V60 P2',
    title: 'nothing is ever published to $share: the target of a pooled call is the canonical topic',
    async run(setting) {
      const { pool, client, requester } = await members(setting, 1);
      const topics: string[] = [];
      await client.link.subscribe(poolRequestTopic(pool), ({ topic }) => void topics.push(topic));
      await requester.send(pool, 'x');
      deepEqual(topics, [poolRequestTopic(pool)]);
    },
  },
];

/** B hands everything over to C. */
async function pair(setting: ContractSetting, options: Partial<AgentOptions> = {}) {
  const c = await setting.agent(options);
  const b = await setting.agent({ handle: (task) => task.handOver(c.address.agentId) });
  const client = await setting.client();
  const requester = createRequester({ link: client.link, address: setting.address('asker') });
  setting.onEnd(() => requester.close());
  return { b, c, client, requester };
}

export const handOverCases: readonly ContractCase[] = [
  {
    id: 'H1 H2 H4 H6',
    title:
      'a task that is handed over goes on under its id; the first correlation hears all of it, with the name of who has it',
    async run(setting) {
      const { b, c, client } = await pair(setting);
      const sent = params('chunks');
      const stream = client.request(b.address, { method: 'SendStreamingMessage', params: sent });
      const replies = await stream.until(({ result }) => stateOf(result) === COMPLETED);
      deepEqual(c.runs, [sent.message.messageId]);
      const texts = replies.flatMap(({ result }) => result.artifactUpdate?.artifact.parts[0]?.text ?? []);
      deepEqual(texts, ['one', 'two']);
      equal(replies.at(-1)?.message.userProperties['a2a-responder-agent-id'], idOf(c));
      for (const { address } of [b, c]) {
        const { result } = await client
          .request(address, { method: 'GetTask', params: { id: sent.message.taskId } })
          .next();
        equal(result.id, sent.message.taskId);
        deepEqual(result.artifacts?.[0]?.parts, [{ text: 'one' }, { text: 'two' }]);
      }
    },
  },
  {
    id: 'H3 H5',
    title:
      'a requester goes on with the delegate by itself; one that does not is served by the first agent all the same',
    async run(setting) {
      const { b, c, client, requester } = await pair(setting);
      const asked = (await requester.send(b.address, 'ask')) as Task;
      equal(asked.status.state, 'TASK_STATE_INPUT_REQUIRED');
      const heard: string[] = [];
      await client.link.subscribe(requestTopic(b.address), ({ topic }) => void heard.push(topic));
      const done = (await requester.send(b.address, { text: 'x', taskId: asked.id })) as Task;
      equal(done.status.state, COMPLETED);
      deepEqual([heard, c.runs.length], [[], 2]);
      const other = params('ask');
      await client.request(b.address, { method: 'SendMessage', params: other }).next();
      const { taskId, contextId } = other.message;
      const answer = message('y', { taskId: taskId as string, contextId: contextId as string });
      const { result } = await client
        .request(b.address, { method: 'SendMessage', params: { message: answer } })
        .next();
      equal(result.task?.status.state, COMPLETED);
      equal(c.runs.length, 4);
    },
  },
  {
    id: 'H cancel',
    title: 'canceled at either agent, a task that was handed over ends at both',
    async run(setting) {
      for (const at of ['b', 'c'] as const) {
        const agents = await pair(setting);
        const sent = params('wait');
        const id = sent.message.taskId;
        const { client } = agents;
        const stream = client.request(agents.b.address, { method: 'SendStreamingMessage', params: sent });
        await stream.until(
          ({ message: { userProperties } }) => userProperties['a2a-responder-agent-id'] !== undefined,
        );
        const watched = client.request(agents.c.address, { method: 'SubscribeToTask', params: { id } });
        await watched.next();
        await client.request(agents[at].address, { method: 'CancelTask', params: { id } }).next();
        for (const exchange of [stream, watched])
          await exchange.until(({ result }) => stateOf(result) === 'TASK_STATE_CANCELED');
      }
    },
  },
  {
    id: 'H restart',
    title: 'an agent that stops leaves what it handed over with the delegate; its successor listens again',
    async run(setting) {
      const agentId = `front-${randomUUID()}`;
      const c = await setting.agent();
      const tasks = () => retainedTaskStore();
      const handle = (task: TaskContext) => task.handOver(c.address.agentId);
      const b = await setting.agent({ agentId, handle, tasks: tasks() });
      const client = await setting.client();
      const sent = params('wait');
      const stream = client.request(b.address, { method: 'SendStreamingMessage', params: sent });
      await stream.until(
        ({ message: { userProperties } }) => userProperties['a2a-responder-agent-id'] !== undefined,
      );
      await b.agent.stop({ graceMs: 0 });
      await setting.agent({ agentId, handle, tasks: tasks() });
      const id = sent.message.taskId;
      const watched = client.request(b.address, { method: 'SubscribeToTask', params: { id } });
      await watched.next();
      c.release();
      await watched.until(({ result }) => stateOf(result) === COMPLETED);
      equal(c.runs.length, 1);
    },
  },
  {
    id: 'H unreachable',
    title: 'a task for a delegate that is not there fails and says so; one to itself too',
    async run(setting) {
      const retry = { maxAttempts: 1, firstReplyTimeoutMs: 500 };
      const lost = await setting.agent({ handle: (task) => task.handOver(`gone-${randomUUID()}`), retry });
      const self = await setting.agent({ handle: (task) => task.handOver(self.address.agentId) });
      const client = await setting.client();
      for (const { address } of [lost, self]) {
        const { result } = await client
          .request(address, { method: 'SendMessage', params: params('x') })
          .next();
        equal(result.task?.status.state, 'TASK_STATE_FAILED');
      }
    },
  },
];
