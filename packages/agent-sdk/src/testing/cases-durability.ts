import { deepEqual, equal, ok } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Task } from '@shoal/protocol';
import { stateOf } from '../core/stream.ts';
import { createRequester } from '../io/requester.ts';
import { retainedState } from '../io/retained-state.ts';
import type { TaskHandler } from '../io/task-context.ts';
import { retainedTaskStore } from '../io/retained-task-store.ts';
import type { ContractCase, ContractSetting } from './contract-case.ts';
import { message, params } from './contract-case.ts';

const COMPLETED = 'TASK_STATE_COMPLETED';

/** A task that is at work when its agent dies, seen by its successor. */
async function orphan(setting: ContractSetting, onOrphan: 'fail' | 'restart') {
  const agentId = `mortal-${randomUUID()}`;
  const first = await setting.agent({ agentId, tasks: retainedTaskStore() });
  const client = await setting.client();
  const sent = params('wait');
  const stream = client.request(first.address, { method: 'SendStreamingMessage', params: sent });
  await stream.until(({ result }) => stateOf(result) === 'TASK_STATE_WORKING');
  first.agent.link.destroy();
  const heir = await setting.agent({
    ...first.address,
    tasks: retainedTaskStore(),
    onOrphan: () => onOrphan,
  });
  return { client, heir, sent };
}

export const durabilityCases: readonly ContractCase[] = [
  {
    id: 'V46',
    title: 'with retained tasks, a message repeated after a restart of the agent is not executed again',
    async run(setting) {
      const first = await setting.agent({ agentId: `keeper-${randomUUID()}`, tasks: retainedTaskStore() });
      const client = await setting.client();
      const sent = params('once');
      const one = await client.request(first.address, { method: 'SendMessage', params: sent }).next();
      await first.agent.stop();
      const heir = await setting.agent({ ...first.address, tasks: retainedTaskStore() });
      const two = await client.request(first.address, { method: 'SendMessage', params: sent }).next();
      deepEqual(two.result, one.result);
      deepEqual(heir.runs, []);
    },
  },
  {
    id: 'V56',
    title: 'with retained tasks, a question outlives its agent: the answer goes to the successor',
    async run(setting) {
      const first = await setting.agent({ agentId: `asker-${randomUUID()}`, tasks: retainedTaskStore() });
      const client = await setting.client();
      const asking = params('ask');
      await client.request(first.address, { method: 'SendMessage', params: asking }).next();
      first.agent.link.destroy();
      await setting.agent({ ...first.address, tasks: retainedTaskStore() });
      const { taskId, contextId } = asking.message;
      const answer = message('that one', { taskId: taskId as string, contextId: contextId as string });
      const { result } = await client
        .request(first.address, { method: 'SendMessage', params: { message: answer } })
        .next();
      equal(result.task?.status.state, COMPLETED);
      equal(result.task?.history?.length, 3);
    },
  },
  {
    id: 'rule 8',
    title: 'a task that a dead agent left WORKING is FAILED by its successor, and says why',
    async run(setting) {
      const { client, heir, sent } = await orphan(setting, 'fail');
      const { result } = await client
        .request(heir.address, { method: 'GetTask', params: { id: sent.message.taskId } })
        .next();
      equal(result.status.state, 'TASK_STATE_FAILED');
      equal(result.status.message?.metadata?.['code'], 'agent-restarted');
      const repeated = await client.request(heir.address, { method: 'SendMessage', params: sent }).next();
      equal(repeated.result.task?.status.state, 'TASK_STATE_FAILED');
      deepEqual(heir.runs, []);
    },
  },
  {
    id: 'rule 8',
    title: 'or runs again when onOrphan says restart; the requester that retries gets the result',
    async run(setting) {
      const { client, heir, sent } = await orphan(setting, 'restart');
      const retry = client.request(heir.address, { method: 'SendMessage', params: sent });
      await client.request(heir.address, { method: 'GetTask', params: { id: 'order' } }).next();
      heir.release();
      equal((await retry.next()).result.task?.status.state, COMPLETED);
      deepEqual(heir.runs, [sent.message.messageId]);
    },
  },
  {
    id: 'takeover',
    title:
      'an agent whose identity another process takes over aborts its tasks and stops; the other stays online',
    async run(setting) {
      let aborted: () => void = () => undefined;
      const onAborted = new Promise<void>((resolve) => (aborted = resolve));
      const handle: TaskHandler = ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            aborted();
            reject(signal.reason as Error);
          });
        });
      const first = await setting.agent({ agentId: `twin-${randomUUID()}`, handle });
      const client = await setting.client();
      const stream = client.request(first.address, { method: 'SendStreamingMessage', params: params('x') });
      await stream.until(({ result }) => stateOf(result) === 'TASK_STATE_WORKING');
      const heir = await setting.agent({ ...first.address });
      await onAborted;
      await first.agent.stop();
      ok(['fenced', 'closed'].includes(first.agent.link.state));
      const asker = setting.address('asker');
      const requester = createRequester({ link: client.link, address: asker });
      setting.onEnd(() => requester.close());
      const task = (await requester.send(heir.address, 'hi')) as Task;
      equal(task.status.state, COMPLETED);
    },
  },
  {
    id: 'state',
    title:
      'retainedState: the latest of many saves is what the next life loads; what cannot be read counts as absent',
    async run(setting) {
      const client = await setting.client();
      const topic = `shoal/v1/contract/${randomUUID()}/agent/a/state`;
      const state = retainedState<{ n: number }>({ link: client.link, topic });
      equal(await state.load(), undefined);
      for (let n = 0; n <= 100; n += 1) state.save({ n });
      await state.close();
      const next = await setting.client();
      deepEqual(await retainedState({ link: next.link, topic }).load(), { n: 100 });
      await next.link.publish(topic, '{nope', { retain: true });
      equal(await retainedState({ link: next.link, topic }).load(), undefined);
      const validate = () => ({ ok: false, violations: [{ field: 'n', message: 'must be text' }] }) as const;
      await next.link.publish(topic, '{"n":1}', { retain: true });
      equal(await retainedState({ link: next.link, topic, validate }).load(), undefined);
    },
  },
];
