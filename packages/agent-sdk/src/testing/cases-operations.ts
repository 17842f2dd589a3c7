import { deepEqual, equal, rejects } from 'node:assert/strict';
import type { Task } from '@shoal/protocol';
import { createRequester } from '../io/requester.ts';
import type { PushRequest, PushTransport } from '../io/push-transport.ts';
import type { Requester } from '../io/requester-types.ts';
import type { ContractCase, ContractSetting } from './contract-case.ts';
import { settled } from './requester-setting.ts';

/** A transport that remembers what would have been posted. */
function recordingPush(): PushTransport & { readonly posted: PushRequest[] } {
  const posted: PushRequest[] = [];
  return {
    posted,
    refusal: (url) => (url.startsWith('https:') ? undefined : 'must be https:'),
    post(request) {
      posted.push(request);
      return Promise.resolve({ status: 204 });
    },
  };
}

async function caller(setting: ContractSetting): Promise<Requester> {
  const { link, address } = await setting.client();
  const requester = createRequester({ link, address: { ...address, agentId: `${address.agentId}-2` } });
  setting.onEnd(() => requester.close());
  return requester;
}

export const operationCases: readonly ContractCase[] = [
  {
    id: 'A22 push',
    title:
      'push configurations over the wire: asked for with the message or afterwards, shown, listed, deleted; updates go out',
    async run(setting) {
      const push = recordingPush();
      const { agent, address } = await setting.agent({ push });
      equal(agent.card.capabilities.pushNotifications, true);
      const requester = await caller(setting);
      const url = 'https://receiver.example/';
      const asking = await requester.send(address, 'ask', { pushNotification: { url, id: 'a' } });
      const { id: taskId } = asking as Task;
      const made = await requester.createPushConfig(address, { taskId, url, id: 'b' });
      deepEqual(made, { taskId, url, id: 'b' });
      deepEqual(await requester.getPushConfig(address, { taskId, id: 'b' }), made);
      const { configs } = await requester.listPushConfigs(address, { taskId });
      deepEqual(
        configs?.map(({ id }) => id),
        ['a', 'b'],
      );
      for (const _ of [1, 2]) await requester.deletePushConfig(address, { taskId, id: 'b' });
      await requester.cancelTask(address, { id: taskId });
      await settled(() => push.posted.length === 3);
      const states = push.posted.map(({ body }) => /TASK_STATE_(\w+)/.exec(body)?.[1]);
      deepEqual(states, ['WORKING', 'INPUT_REQUIRED', 'CANCELED']);
      await rejects(requester.createPushConfig(address, { taskId, url: 'http://x/' }), {
        code: 'invalid-params',
      });
    },
  },
  {
    id: 'A22 extended card',
    title: 'the extended card is for whom the agent chooses; others are told that there is none for them',
    async run(setting) {
      const requester = await caller(setting);
      const { agentId } = requester.address;
      const card = { name: 'Known', description: 'For those I know.' };
      const { agent, address } = await setting.agent({
        extendedCard: ({ requesterId }) => (requesterId?.endsWith(agentId) === true ? card : undefined),
      });
      equal(agent.card.capabilities.extendedAgentCard, true);
      equal((await requester.getExtendedCard(address)).name, 'Known');
      const other = await caller(setting);
      await rejects(other.getExtendedCard(address), {
        code: 'extended-agent-card-not-configured',
        rpcCode: -32007,
      });
      const plain = await setting.agent();
      await rejects(requester.getExtendedCard(plain.address), { code: 'unsupported-operation' });
    },
  },
];
