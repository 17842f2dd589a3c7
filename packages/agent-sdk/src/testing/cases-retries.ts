import { deepEqual, equal, notDeepEqual, rejects } from 'node:assert/strict';
import type { Task } from '@shoal/protocol';
import type { ContractCase } from './contract-case.ts';
import { setUpRequester, settled } from './requester-setting.ts';

export const retryCases: readonly ContractCase[] = [
  {
    id: 'V49',
    title: 'a silent responder gets three publishes, 15 s and the backoff apart, then the call times out',
    async run(setting) {
      for (const { random, waits } of [
        { random: 0, waits: [800, 1_600] },
        { random: 1, waits: [1_200, 2_400] },
      ]) {
        const { requester, responder, clock } = await setUpRequester(setting, { random: () => random });
        const answer = requester.send(responder.address, 'x');
        answer.catch(() => undefined);
        const requests = [await responder.next()];
        for (const wait of waits) {
          deepEqual(clock.dueInMs(), [15_000]);
          clock.advance(15_000);
          deepEqual(clock.dueInMs().map(Math.round), [wait]);
          clock.advance(wait);
          requests.push(await responder.next());
        }
        deepEqual(clock.dueInMs(), [15_000]);
        clock.advance(15_000);
        await rejects(answer, { code: 'timeout', retryable: true });
        deepEqual(clock.dueInMs(), []);
        const [first, ...others] = requests;
        for (const other of others) {
          equal(other.message.text(), first?.message.text(), 'same task, message and id');
          notDeepEqual(other.message.correlationData, first?.message.correlationData);
        }
        equal(responder.requests.length, 3);
      }
    },
  },
  {
    id: 'V50',
    title: 'a late reply to the first attempt is accepted after the second was sent',
    async run(setting) {
      const { requester, responder, clock } = await setUpRequester(setting);
      const answer = requester.send(responder.address, 'x');
      const first = await responder.next();
      clock.advance(15_000);
      clock.advance(1_000);
      await responder.next();
      await responder.replyTask(first, 'TASK_STATE_COMPLETED');
      equal(((await answer) as Task).status.state, 'TASK_STATE_COMPLETED');
      deepEqual(clock.dueInMs(), []);
      equal(responder.requests.length, 2);
    },
  },
  {
    id: 'V52',
    title:
      'nobody there: the broker says so, the call tries again without waiting 15 s, and ends as no-responder',
    async run(setting) {
      const { requester, clock } = await setUpRequester(setting);
      const answer = requester.send(setting.address('nobody'), 'x');
      answer.catch(() => undefined);
      for (const wait of [1_000, 2_000]) {
        await settled(() => clock.dueInMs()[0] === wait);
        clock.advance(wait);
      }
      await rejects(answer, { code: 'no-responder', retryable: true });
    },
  },
];
