import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { createRequester, type Requester } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import { openLink, type Link } from '@shoal/mqtt-link';
import { judge, start, type Running } from '../src/agent.ts';

const broker = createBroker({ allowAnonymous: true });
const address = { org: '__org__', unit: '__unit__', agentId: '__name__' };
let agent: Running;
let link: Link;
let requester: Requester;

before(async () => {
  const url = (await broker.start()).tcp!.url;
  agent = await start(url);
  link = await openLink({ url, clientId: '__org__/__unit__/tester' });
  requester = createRequester({ link, address: { ...address, agentId: 'tester' } });
});

after(async () => {
  await requester.close();
  await link.close();
  await agent.stop();
  await broker.stop();
});

it('judges a reading', async () => {
  const answer = await judge.call(requester, address, { value: 12, low: 0, high: 10 });
  assert.deepEqual(answer, { verdict: 'above', distance: 2 });
});

it('refuses limits that contradict each other', async () => {
  await assert.rejects(judge.call(requester, address, { value: 1, low: 2, high: 0 }), /is above high/);
});
