import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRequester, type Requester } from '@shoal/agent-sdk';
import { createBroker } from '@shoal/broker';
import { openLink, type Link } from '@shoal/mqtt-link';
import { start, type Running } from '../src/device.ts';

const broker = createBroker({ allowAnonymous: true });
const address = { org: '__org__', unit: '__unit__', agentId: '__name__' };
let device: Running;
let link: Link;
let requester: Requester;

before(async () => {
  const url = (await broker.start()).tcp!.url;
  device = await start(url, { speed: 500 });
  link = await openLink({ url, clientId: '__org__/__unit__/tester' });
  requester = createRequester({ link, address: { ...address, agentId: 'tester' } });
});

after(async () => {
  await requester.close();
  await link.close();
  await device.stop();
  await broker.stop();
});

it('learns what is normal, and notices what is not', async () => {
  for (;;) {
    const answer = await requester.send(address, { data: { skill: 'status' } });
    const parts =
      'parts' in answer ? answer.parts : (answer.artifacts ?? []).flatMap((artifact) => artifact.parts);
    const status = parts[0]?.data as { health: string; incident: { channels: string[] } | null };
    if (status.health === 'anomalous') {
      assert.ok(status.incident?.channels.includes('vibration1'), JSON.stringify(status.incident));
      return;
    }
    assert.ok(['silent', 'learning', 'healthy'].includes(status.health), status.health);
    await delay(100);
  }
});
