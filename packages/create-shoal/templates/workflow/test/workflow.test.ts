import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { createRequester, type Requester } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import { openLink, type Link } from '@shoal/mqtt-link';
import { start, type Running } from '../src/workflow.ts';

const broker = createBroker({ allowAnonymous: true });
const address = { org: '__org__', unit: '__unit__', agentId: '__name__' };
let workflow: Running;
let link: Link;
let requester: Requester;

before(async () => {
  const url = (await broker.start()).tcp!.url;
  workflow = await start(url);
  link = await openLink({ url, clientId: '__org__/__unit__/tester' });
  requester = createRequester({ link, address: { ...address, agentId: 'tester' } });
});

after(async () => {
  await requester.close();
  await link.close();
  await workflow.stop();
  await broker.stop();
});

it('runs every step and answers with the report', async () => {
  const said: string[] = [];
  for await (const item of requester.stream(address, { data: { low: 1, high: 4 } })) {
    const state = item.statusUpdate?.status.state ?? item.task?.status.state;
    if (state !== undefined) said.push(state);
    const parts =
      item.artifactUpdate?.artifact.parts ?? item.task?.artifacts?.flatMap((artifact) => artifact.parts);
    for (const { data } of parts ?? []) said.push(JSON.stringify(data));
  }
  assert.ok(said.includes('TASK_STATE_COMPLETED'), said.join('\n'));
  assert.ok(
    said.some((line) => line.includes('{"difference":6}')),
    said.join('\n'),
  );
});
