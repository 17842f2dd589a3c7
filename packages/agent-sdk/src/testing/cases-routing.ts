import { deepEqual, equal, rejects } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Task } from '@shoal/protocol';
import { bindingError, poolRequestTopic, requestTopic } from '@shoal/protocol';
import type { AgentDirectory, DirectoryEntry } from '../core/choose-agent.ts';
import { memoryTaskRoutes } from '../io/task-routes.ts';
import type { ContractCase, ContractSetting } from './contract-case.ts';
import { FakeResponder, taskOf } from './fake-responder.ts';
import { setUpRequester, settled } from './requester-setting.ts';

const COMPLETED = 'TASK_STATE_COMPLETED';
const WORKING = 'TASK_STATE_WORKING';
const by = (agentId: string) => ({ 'a2a-responder-agent-id': agentId });

async function setUpPool(setting: ContractSetting) {
  const pair = await setUpRequester(setting);
  const { org, unit } = pair.responder.address;
  const pool = { org, unit, poolId: 'pumps' };
  await pair.responder.listen(poolRequestTopic(pool));
  const other = async (): Promise<FakeResponder> => {
    const made = await FakeResponder.open(setting.url, setting.address('other'));
    setting.onEnd(() => made.close());
    return made;
  };
  return { ...pair, pool, other };
}

/** A directory that holds what a test says. */
function directoryOf(...entries: readonly (readonly [DirectoryEntry['address'], string])[]): AgentDirectory {
  return {
    find: () => entries.map(([address, state]) => ({ address, card: {} as never, presence: { state } })),
  };
}

export const routingCases: readonly ContractCase[] = [
  {
    id: 'V60 RQ6',
    title: 'a pooled reply that does not name its responder is a protocol error',
    async run(setting) {
      const { requester, responder, pool, problems } = await setUpPool(setting);
      const answer = requester.send(pool, 'x');
      answer.catch(() => undefined);
      await responder.replyTask(await responder.next(), COMPLETED);
      await rejects(answer, { code: 'invalid-response' });
      equal(problems.length, 1);
    },
  },
  {
    id: 'V60 RT11',
    title: 'a pooled request goes to the canonical topic, and again there while nobody has answered',
    async run(setting) {
      const { requester, responder, pool, clock } = await setUpPool(setting);
      const answer = requester.send(pool, 'x');
      const first = await responder.next();
      equal(first.message.topic, poolRequestTopic(pool));
      clock.advance(15_000);
      clock.advance(1_000);
      const second = await responder.next();
      equal(second.message.topic, poolRequestTopic(pool));
      await responder.replyTask(second, COMPLETED, by('member'));
      equal(((await answer) as Task).id, first.params.message.taskId);
    },
  },
  {
    id: 'V60 RQ7 RQ8 RT12 P10',
    title:
      'what follows about a pooled task goes to the member that took it, for a new requester with the same routes too',
    async run(setting) {
      const routes = memoryTaskRoutes();
      const { requester, responder, pool, other } = await setUpPool(setting);
      const again = await setUpRequester(setting, { routes });
      const member = await other();
      const answer = again.requester.send(pool, 'x');
      const request = await responder.next();
      await responder.replyTask(request, 'TASK_STATE_INPUT_REQUIRED', by(member.address.agentId));
      const { id } = (await answer) as Task;
      for (const asking of [again.requester, (await setUpRequester(setting, { routes })).requester]) {
        const got = asking.getTask(pool, { id });
        const probe = await member.next();
        equal(probe.message.topic, requestTopic(member.address));
        await member.reply(probe, { result: taskOf(probe, WORKING) });
        equal((await got).id, id);
      }
      const more = again.requester.send(pool, { text: 'more', taskId: id });
      await member.replyTask(await member.next(), COMPLETED);
      equal(((await more) as Task).status.state, COMPLETED);
      // One who does not know asks the pool.
      const lost = requester.getTask(pool, { id });
      const asked = await responder.next();
      equal(asked.message.topic, poolRequestTopic(pool));
      await responder.reply(asked, { result: taskOf(asked, WORKING) }, by(member.address.agentId));
      await lost;
    },
  },
  {
    id: 'V60 RT11 EM5',
    title: 'a member that refuses has not taken the task: the same message again goes to the pool',
    async run(setting) {
      const { requester, responder, pool } = await setUpPool(setting);
      const input = { text: 'x', taskId: randomUUID(), messageId: randomUUID() };
      const refused = requester.send(pool, input);
      refused.catch(() => undefined);
      const error = bindingError('responder_unavailable', 'busy');
      await responder.reply(await responder.next(), { error }, by('busy'));
      await rejects(refused, { code: 'responder-unavailable', retryable: true });
      const taken = requester.send(pool, input);
      const again = await responder.next();
      equal(again.message.topic, poolRequestTopic(pool));
      await responder.replyTask(again, COMPLETED, by('free'));
      await taken;
    },
  },
  {
    id: 'V60 H3 H4 H5 H6',
    title: 'a handover on any item moves what follows; of several the latest counts; the task id stays',
    async run(setting) {
      const { requester, responder, other } = await setUpPool(setting);
      const [b, c] = [await other(), await other()];
      const stream = requester.stream(responder.address, 'x')[Symbol.asyncIterator]();
      const pending = stream.next();
      const request = await responder.next();
      await responder.replyTask(request, WORKING, by(b.address.agentId));
      await pending;
      await responder.replyTask(request, WORKING, by(c.address.agentId));
      await responder.replyTask(request, 'TASK_STATE_INPUT_REQUIRED');
      await stream.next();
      equal((await stream.next()).value?.task?.status.state, 'TASK_STATE_INPUT_REQUIRED');
      const { taskId } = request.params.message;
      const canceled = requester.cancelTask(responder.address, { id: taskId as string });
      const cancel = await c.next();
      equal(cancel.params.id, taskId);
      await c.reply(cancel, { result: taskOf(cancel, 'TASK_STATE_CANCELED') });
      equal((await canceled).status.state, 'TASK_STATE_CANCELED');
      deepEqual([b.requests.length, responder.requests.length], [0, 1]);
    },
  },
  {
    id: 'selection',
    title:
      'a selection asks the likeliest agent first, the next one when nobody is there, and stays with who answered',
    async run(setting) {
      const gone = setting.address('gone');
      const asleep = setting.address('asleep');
      const here = await FakeResponder.open(setting.url, setting.address('here'));
      setting.onEnd(() => here.close());
      const directory = directoryOf([asleep, 'asleep'], [here.address, 'unknown'], [gone, 'online']);
      const { requester, clock } = await setUpRequester(setting, { directory });
      const answer = requester.send({ skill: 'diagnose' }, 'x');
      await settled(() => clock.dueInMs()[0] === 1_000);
      clock.advance(1_000);
      const request = await here.next();
      await here.replyTask(request, COMPLETED);
      const { id } = (await answer) as Task;
      const got = requester.getTask({ skill: 'diagnose' }, { id });
      const probe = await here.next();
      await here.reply(probe, { result: taskOf(probe, COMPLETED) });
      equal((await got).id, id);
    },
  },
  {
    id: 'selection',
    title: 'a selection that nobody fits, or without a directory, rejects as no-agent and sends nothing',
    async run(setting) {
      const { requester, clock } = await setUpRequester(setting, {
        directory: directoryOf([setting.address('a'), 'offline']),
      });
      await rejects(requester.send({ tag: 'pump', status: ['online'] }, 'x'), { code: 'no-agent' });
      const without = await setUpRequester(setting);
      await rejects(without.requester.send({ tag: 'pump' }, 'x'), { code: 'no-agent' });
      deepEqual([clock.dueInMs(), without.clock.dueInMs()], [[], []]);
    },
  },
];
